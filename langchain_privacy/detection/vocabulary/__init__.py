"""What is public: the vocabularies of strict mode, and what an application declares.

Detection looks for what is private; strict mode turns it round (`detector.StrictDetector`): a word
crosses when it stands in a vocabulary of its language (`english`, `korean`), in the table of public
numbers (`numbers`), or in what the application wrote itself (`declared.PublicWords`).
"""
