-- title: denied column through a derived alias
-- verdict: refuse
-- code: denied_column
-- dialects: all
SELECT x.y FROM (SELECT rrn AS y FROM buyer) AS x

-- title: denied column in a window frame
-- verdict: refuse
-- code: denied_column
-- dialects: all
SELECT sum(id) OVER (PARTITION BY phone) AS s FROM buyer

-- title: denied column in a filter
-- verdict: refuse
-- code: denied_column
-- dialects: sqlite postgres duckdb
SELECT count(*) FILTER (WHERE name LIKE 'K%') AS n FROM buyer

-- title: denied column as an alias of nothing
-- verdict: refuse
-- code: denied_column
-- dialects: all
SELECT count(*) AS n FROM buyer GROUP BY rrn

-- title: denied column that an output column pretends to be
-- verdict: refuse
-- code: denied_column
-- dialects: all
SELECT birth_year AS phone, count(*) AS n FROM buyer GROUP BY phone HAVING max(phone) > '010'

-- title: denied column found outwards from a subquery
-- verdict: refuse
-- code: denied_column
-- dialects: all
SELECT b.id FROM buyer AS b WHERE EXISTS (SELECT 1 FROM trade AS t WHERE t.district = b.rrn)

-- title: denied column found outwards without a qualifier
-- verdict: refuse
-- code: denied_column
-- dialects: all
SELECT b.id FROM buyer AS b WHERE EXISTS (SELECT 1 FROM trade AS t WHERE t.district = phone)

-- title: denied column under an upper-case name
-- verdict: refuse
-- code: denied_column
-- dialects: all
SELECT RRN FROM BUYER

-- title: denied column as join condition
-- verdict: refuse
-- code: denied_column
-- dialects: all
SELECT t.id FROM trade AS t JOIN buyer AS b ON b.trade_id = t.id AND b.phone = t.district

-- title: denied column through USING
-- verdict: refuse
-- code: denied_column
-- dialects: all
SELECT a.id FROM buyer AS a JOIN buyer AS b USING (phone)

-- title: star over a table with denied columns inside EXISTS of FROM
-- verdict: refuse
-- code: star
-- dialects: all
SELECT q.id FROM (SELECT * FROM buyer) AS q

-- title: count of a whole row
-- verdict: refuse
-- code: unknown_column
-- dialects: all
SELECT count(b) AS n FROM buyer AS b

-- title: count of a qualified star
-- verdict: refuse
-- code: star
-- dialects: postgres duckdb
SELECT count(b.*) AS n FROM buyer AS b

-- title: row of a star
-- verdict: refuse
-- code: function
-- dialects: postgres
SELECT ROW(b.*) FROM buyer AS b

-- title: field of a composite
-- verdict: refuse
-- code: syntax
-- dialects: postgres
SELECT (b).rrn FROM buyer AS b

-- title: functional notation
-- verdict: refuse
-- code: unknown_column
-- dialects: postgres
SELECT b.to_jsonb FROM buyer AS b

-- title: struct access
-- verdict: refuse
-- code: syntax
-- dialects: duckdb
SELECT b['rrn'] FROM buyer AS b

-- title: columns expression
-- verdict: refuse
-- code: function
-- dialects: duckdb
SELECT COLUMNS('r.*') FROM buyer

-- title: struct pack of a table
-- verdict: refuse
-- code: unknown_column
-- dialects: duckdb postgres
SELECT b FROM buyer AS b

-- title: row identifier
-- verdict: refuse
-- code: unknown_column
-- dialects: sqlite duckdb
SELECT rowid FROM buyer

-- title: system column
-- verdict: refuse
-- code: unknown_column
-- dialects: postgres
SELECT ctid FROM buyer

-- title: keyword that is a function
-- verdict: refuse
-- code: unknown_column
-- dialects: sqlite
SELECT session_user FROM trade

-- title: current user
-- verdict: refuse
-- code: function
-- dialects: postgres
SELECT current_user FROM trade

-- title: unlisted table inside CASE
-- verdict: refuse
-- code: table
-- dialects: all
SELECT CASE WHEN (SELECT max(pay) FROM salary) > 1 THEN 1 ELSE 0 END AS x FROM trade

-- title: unlisted table in LIMIT
-- verdict: refuse
-- code: limit
-- dialects: all
SELECT id FROM trade LIMIT (SELECT max(pay) FROM salary)

-- title: unlisted table in HAVING
-- verdict: refuse
-- code: table
-- dialects: all
SELECT district FROM trade GROUP BY district HAVING count(*) > (SELECT count(*) FROM salary)

-- title: unlisted table in an unused WITH
-- verdict: refuse
-- code: table
-- dialects: all
WITH s AS (SELECT pay FROM salary) SELECT id FROM trade

-- title: WITH name of an inner query used outside
-- verdict: refuse
-- code: table
-- dialects: all
SELECT id FROM trade WHERE id IN (WITH z AS (SELECT id FROM trade) SELECT id FROM z) AND id IN (SELECT id FROM z)

-- title: a view
-- verdict: refuse
-- code: table
-- dialects: all
SELECT id FROM v_buyer

-- title: WITH hides a listed table
-- verdict: refuse
-- code: shadowed_table
-- dialects: all
WITH trade AS (SELECT id FROM complex) SELECT id FROM trade

-- title: recursion without the word
-- verdict: refuse
-- code: table
-- dialects: sqlite
WITH r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n FROM r

-- title: recursion
-- verdict: refuse
-- code: recursive
-- dialects: all
WITH RECURSIVE r(n) AS (SELECT id FROM trade UNION ALL SELECT n + 1 FROM r) SELECT n FROM r

-- title: another schema
-- verdict: refuse
-- code: table_schema
-- dialects: all
SELECT id FROM other.trade

-- title: another catalogue
-- verdict: refuse
-- code: table_schema
-- dialects: postgres duckdb
SELECT id FROM prod.public.trade

-- title: a dot after an empty schema
-- verdict: refuse
-- code: table_schema
-- dialects: mysql
SELECT id FROM..trade

-- title: positional names on a table
-- verdict: refuse
-- code: column_list
-- dialects: postgres duckdb
SELECT b.c3 FROM buyer AS b(c1, c2, c3)

-- title: positional names, too many
-- verdict: refuse
-- code: column_list
-- dialects: all
WITH c(a, b, d) AS (SELECT id, district FROM trade) SELECT a FROM c

-- title: product by comma
-- verdict: refuse
-- code: join_without_equality
-- dialects: all
SELECT count(*) AS n FROM trade AS a, trade AS b

-- title: product by a constant
-- verdict: refuse
-- code: join_without_equality
-- dialects: all
SELECT count(*) AS n FROM trade AS a JOIN trade AS b ON a.district = 'x'

-- title: product by a comparison
-- verdict: refuse
-- code: join_without_equality
-- dialects: all
SELECT count(*) AS n FROM trade AS a JOIN trade AS b ON a.id < b.id

-- title: product hidden by OR
-- verdict: refuse
-- code: join_without_equality
-- dialects: all
SELECT count(*) AS n FROM trade AS a JOIN trade AS b ON a.id = b.id OR 1 = 1

-- title: product hidden by NOT
-- verdict: refuse
-- code: join_without_equality
-- dialects: all
SELECT count(*) AS n FROM trade AS a JOIN trade AS b ON NOT a.id = b.id

-- title: third table left alone
-- verdict: refuse
-- code: join_without_equality
-- dialects: all
SELECT count(*) AS n FROM trade AS a JOIN trade AS b ON a.id = b.id JOIN complex AS c ON a.id = b.id

-- title: equality inside a subquery does not join
-- verdict: refuse
-- code: join_without_equality
-- dialects: all
SELECT a.id FROM trade AS a, trade AS b WHERE EXISTS (SELECT 1 FROM complex AS c WHERE c.name = a.name AND a.id = b.id)

-- title: natural join
-- verdict: refuse
-- code: natural_join
-- dialects: all
SELECT id FROM trade NATURAL JOIN buyer

-- title: limit in words of another type
-- verdict: refuse
-- code: limit
-- dialects: sqlite postgres mysql
SELECT id FROM trade LIMIT '5'

-- title: limit by arithmetic
-- verdict: refuse
-- code: limit
-- dialects: all
SELECT id FROM trade LIMIT 5 + 5

-- title: huge offset inside a subquery
-- verdict: refuse
-- code: limit
-- dialects: sqlite postgres duckdb
SELECT id FROM trade WHERE id IN (SELECT id FROM complex LIMIT 1 OFFSET 900000)

-- title: fetch with ties
-- verdict: refuse
-- code: limit
-- dialects: postgres
SELECT id FROM trade ORDER BY id FETCH FIRST 3 ROWS WITH TIES

-- title: alias with a phone number
-- verdict: refuse
-- code: label
-- dialects: all
SELECT id AS a01012345678 FROM trade

-- title: alias with punctuation of a value
-- verdict: refuse
-- code: label
-- dialects: sqlite postgres duckdb
SELECT id AS "a@b.kr" FROM trade

-- title: WITH name with a long number
-- verdict: refuse
-- code: label
-- dialects: all
WITH p900101123 AS (SELECT id FROM trade) SELECT id FROM p900101123

-- title: comment with dashes
-- verdict: refuse
-- code: comment
-- dialects: all
SELECT id FROM trade -- x

-- title: comment inside
-- verdict: refuse
-- code: comment
-- dialects: all
SELECT /* x */ id FROM trade

-- title: hint
-- verdict: refuse
-- code: comment
-- dialects: mysql
SELECT /*+ MAX_EXECUTION_TIME(0) */ id FROM trade

-- title: executable comment
-- verdict: refuse
-- code: comment
-- dialects: mysql
SELECT id FROM trade /*!50000 UNION SELECT rrn FROM buyer */

-- title: hash comment
-- verdict: refuse
-- code: comment
-- dialects: mysql
SELECT id FROM trade # x

-- title: escape string
-- verdict: refuse
-- code: string_form
-- dialects: postgres
SELECT id FROM trade WHERE district = E'\x'

-- title: dollar string
-- verdict: refuse
-- code: string_form
-- dialects: postgres
SELECT id FROM trade WHERE district = $$x$$

-- title: hexadecimal string
-- verdict: refuse
-- code: string_form
-- dialects: mysql
SELECT id FROM trade WHERE district = 0x41

-- title: unicode identifier
-- verdict: refuse
-- code: syntax
-- dialects: postgres
SELECT U&"\0072rn" FROM buyer

-- title: backslash
-- verdict: refuse
-- code: backslash
-- dialects: mysql
SELECT id FROM trade WHERE district = 'a\' OR 1=1 '

-- title: slot that was not given
-- verdict: refuse
-- code: unknown_slot
-- dialects: all
SELECT id FROM trade WHERE district = :v9

-- title: positional parameter
-- verdict: refuse
-- code: unknown_slot
-- dialects: all
SELECT id FROM trade WHERE district = ?

-- title: session variable
-- verdict: refuse
-- code: unknown_slot
-- dialects: mysql
SELECT @@version FROM trade

-- title: assignment
-- verdict: refuse
-- code: syntax
-- dialects: mysql
SELECT @a := id FROM trade

-- title: file function
-- verdict: refuse
-- code: function
-- dialects: postgres
SELECT pg_read_file('/etc/passwd') FROM trade

-- title: file function hidden in arithmetic
-- verdict: refuse
-- code: function
-- dialects: mysql
SELECT id + length(load_file('/etc/passwd')) FROM trade

-- title: extension
-- verdict: refuse
-- code: function
-- dialects: sqlite
SELECT load_extension('x') FROM trade

-- title: table function
-- verdict: refuse
-- code: function
-- dialects: duckdb
SELECT a FROM read_csv('/etc/passwd') AS t

-- title: file as a table
-- verdict: refuse
-- code: table
-- dialects: duckdb
SELECT a FROM '/etc/passwd'

-- title: SQL in a string
-- verdict: refuse
-- code: function
-- dialects: postgres
SELECT query_to_xml('SELECT 1', true, true, '') FROM trade

-- title: function of another schema
-- verdict: refuse
-- code: syntax
-- dialects: postgres
SELECT pg_catalog.pg_sleep(5) FROM trade

-- title: generator
-- verdict: refuse
-- code: function
-- dialects: postgres
SELECT generate_series(1, 1000000000) FROM trade

-- title: big string
-- verdict: refuse
-- code: function
-- dialects: postgres duckdb mysql
SELECT repeat('x', 1000000000) FROM trade

-- title: big padding
-- verdict: refuse
-- code: function_argument
-- dialects: postgres
SELECT lpad('x', 100000000) FROM trade

-- title: padding by a column
-- verdict: refuse
-- code: function_argument
-- dialects: postgres mysql
SELECT lpad('x', id) FROM trade

-- title: padding type
-- verdict: refuse
-- code: type
-- dialects: sqlite postgres mysql
SELECT CAST(id AS CHAR(1000000000)) FROM trade

-- title: object type
-- verdict: refuse
-- code: type
-- dialects: postgres
SELECT 'salary'::regclass FROM trade

-- title: user type
-- verdict: refuse
-- code: type
-- dialects: postgres
SELECT CAST(district AS xml) FROM trade

-- title: array
-- verdict: refuse
-- code: syntax
-- dialects: postgres
SELECT ARRAY[id] FROM trade

-- title: lateral
-- verdict: refuse
-- code: syntax
-- dialects: postgres
SELECT t.id FROM trade AS t JOIN LATERAL (SELECT 1 AS x) AS l ON true

-- title: values
-- verdict: refuse
-- code: syntax
-- dialects: postgres
SELECT v.a FROM trade AS t JOIN (VALUES (1)) AS v(a) ON v.a = t.id

-- title: sampling
-- verdict: refuse
-- code: syntax
-- dialects: postgres
SELECT id FROM trade TABLESAMPLE SYSTEM (10)

-- title: lock
-- verdict: refuse
-- code: syntax
-- dialects: postgres mysql
SELECT id FROM trade FOR UPDATE

-- title: into
-- verdict: refuse
-- code: syntax
-- dialects: postgres
SELECT id INTO leak FROM trade

-- title: pivot
-- verdict: refuse
-- code: not_a_query
-- dialects: duckdb
PIVOT trade ON district USING sum(price)

-- title: from first, with columns that are denied
-- verdict: refuse
-- code: star
-- dialects: duckdb
FROM buyer

-- title: describe
-- verdict: refuse
-- code: not_a_query
-- dialects: duckdb mysql
DESCRIBE trade

-- title: two statements
-- verdict: refuse
-- code: several_statements
-- dialects: all
SELECT id FROM trade; SELECT id FROM trade

-- title: write in WITH
-- verdict: refuse
-- code: syntax
-- dialects: postgres
WITH d AS (DELETE FROM trade RETURNING id) SELECT id FROM d

-- title: no table
-- verdict: refuse
-- code: no_table
-- dialects: all
SELECT 1 AS x

-- title: nothing but WITH of constants
-- verdict: refuse
-- code: no_table
-- dialects: all
WITH c AS (SELECT 1 AS x) SELECT x FROM c

-- title: sides of different width
-- verdict: refuse
-- code: set_operation
-- dialects: all
SELECT id FROM trade UNION SELECT id, name FROM complex

-- title: order position outside
-- verdict: refuse
-- code: position
-- dialects: all
SELECT id FROM trade ORDER BY 2

-- title: ambiguous column
-- verdict: refuse
-- code: ambiguous_column
-- dialects: all
SELECT name FROM trade AS t JOIN complex AS c ON c.name = t.name

-- title: same alias twice
-- verdict: refuse
-- code: ambiguous_column
-- dialects: all
SELECT x.id FROM trade AS x JOIN complex AS x ON x.name = x.name

-- title: aggregate over one entity
-- verdict: refuse
-- code: single_entity
-- dialects: all
SELECT max(birth_year) AS y FROM buyer WHERE id = 7

-- title: full-width keyword
-- verdict: refuse
-- code: invisible_character
-- dialects: all
ＳＥＬＥＣＴ id FROM trade

-- title: zero width space
-- verdict: refuse
-- code: invisible_character
-- dialects: all
SELECT i​d FROM trade

-- title: no-break space
-- verdict: refuse
-- code: invisible_character
-- dialects: all
SELECT id FROM trade

-- title: bidirectional override in a string
-- verdict: refuse
-- code: invisible_character
-- dialects: all
SELECT id FROM trade WHERE district = '‮x'

-- title: decomposed Hangul
-- verdict: refuse
-- code: not_normalized
-- dialects: all
SELECT 가 FROM trade

-- title: deep nesting
-- verdict: refuse
-- code: too_complex
-- dialects: all
SELECT ((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((1)))))))))))))))))))))))))))))))))))))))))))))))))))))))))))) FROM trade

-- title: collation by name of a user's
-- verdict: refuse
-- code: syntax
-- dialects: postgres
SELECT id FROM trade ORDER BY district COLLATE "evil"

-- title: double-quoted denied name
-- verdict: refuse
-- code: denied_column
-- dialects: sqlite
SELECT id FROM buyer WHERE "phone" > '010'

-- title: aggregate in WHERE
-- verdict: refuse
-- code: syntax
-- dialects: all
SELECT id FROM trade WHERE max(id) = 1

-- title: at time zone of a column that is denied
-- verdict: refuse
-- code: denied_column
-- dialects: postgres
SELECT birth_year AT TIME ZONE phone FROM buyer

-- title: unit position that is a denied column
-- verdict: refuse
-- code: denied_column
-- dialects: mysql
SELECT timestampdiff(phone, sold, sold) FROM buyer JOIN trade ON trade.id = buyer.trade_id

-- title: json operator
-- verdict: refuse
-- code: function
-- dialects: postgres
SELECT district -> 'a' FROM trade

-- title: array subquery
-- verdict: refuse
-- code: function
-- dialects: postgres
SELECT ARRAY(SELECT id FROM trade)

-- title: lambda
-- verdict: refuse
-- code: function
-- dialects: duckdb
SELECT list_transform([1], x -> x) FROM trade

-- title: set-returning in FROM with ordinality
-- verdict: refuse
-- code: function
-- dialects: postgres
SELECT x.a FROM unnest(ARRAY[1]) WITH ORDINALITY AS x(a)

-- title: handler of the lower dialect
-- verdict: refuse
-- code: not_a_query
-- dialects: mysql
HANDLER trade OPEN

-- title: semi join
-- verdict: refuse
-- code: syntax
-- dialects: duckdb
SELECT t.id FROM trade t SEMI JOIN complex c ON c.name = t.name

-- title: a word in double quotes that names a column elsewhere
-- verdict: refuse
-- code: unknown_column
-- dialects: sqlite
SELECT id FROM trade WHERE name = "rrn"

-- title: a word in double quotes that stands alone
-- verdict: refuse
-- code: unknown_column
-- dialects: sqlite
SELECT "secret" FROM trade

-- title: a word in double quotes compared with a string
-- verdict: refuse
-- code: unknown_column
-- dialects: sqlite
SELECT id FROM trade WHERE "secret" LIKE 'a%'

-- title: denied column in a joined group
-- verdict: refuse
-- code: denied_column
-- dialects: all
SELECT t.id FROM (trade t JOIN buyer b ON b.name = t.name)

-- title: denied column in USING in parentheses
-- verdict: refuse
-- code: denied_column
-- dialects: all
SELECT t.id FROM (buyer b JOIN trade t USING (phone))

-- title: cartesian in parentheses
-- verdict: refuse
-- code: join_without_equality
-- dialects: all
SELECT t.id FROM (trade t, buyer b)

-- title: cartesian beside parentheses
-- verdict: refuse
-- code: join_without_equality
-- dialects: all
SELECT t.id FROM (trade t JOIN buyer b ON b.trade_id = t.id) JOIN complex c ON 1 = 1

-- title: unlisted table in nested parentheses
-- verdict: refuse
-- code: table
-- dialects: all
SELECT t.id FROM trade t JOIN (buyer b JOIN salary s ON s.id = b.id) ON b.trade_id = t.id

-- title: natural join in parentheses
-- verdict: refuse
-- code: natural_join
-- dialects: all
SELECT t.id FROM (trade t NATURAL JOIN buyer b)

-- title: alias of joins in parentheses
-- verdict: refuse
-- code: syntax
-- dialects: all
SELECT x.id FROM (trade t JOIN complex c ON c.name = t.name) AS x

-- title: star over joins in parentheses
-- verdict: refuse
-- code: star
-- dialects: all
SELECT * FROM (trade t JOIN buyer b ON b.trade_id = t.id)

-- title: join after a query in parentheses
-- verdict: refuse
-- code: syntax
-- dialects: all
(SELECT id FROM trade) JOIN salary ON 1 = 1

-- title: join within a list
-- verdict: refuse
-- code: syntax
-- dialects: all
SELECT id FROM trade WHERE id IN ((SELECT id FROM trade) JOIN salary s ON 1 = 1)

-- title: interval as a function
-- verdict: refuse
-- code: function
-- dialects: all
SELECT interval(1, 2) FROM trade

-- title: whole row of a joined group
-- verdict: refuse
-- code: unknown_column
-- dialects: all
SELECT count(b) FROM (trade t JOIN buyer b ON b.trade_id = t.id)

-- title: denied column under another function's name
-- verdict: refuse
-- code: denied_column
-- dialects: postgres duckdb
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY rrn) FROM buyer

-- title: a denied column is not reached by ordering by all
-- verdict: refuse
-- code: denied_column
-- dialects: duckdb
SELECT name FROM buyer ORDER BY ALL

-- title: a star that is ordered by all
-- verdict: refuse
-- code: syntax
-- dialects: duckdb
SELECT * FROM trade ORDER BY ALL

-- title: too long a series
-- verdict: refuse
-- code: function
-- dialects: postgres duckdb
SELECT count(*) AS n FROM generate_series(1, 100000000) AS g(i) JOIN trade AS t ON t.id = g.i

-- title: days of a thousand years
-- verdict: refuse
-- code: function
-- dialects: postgres
SELECT count(*) AS n FROM generate_series('1000-01-01'::date, '2024-01-01'::date, '1 day') AS g(d) JOIN trade AS t ON t.sold = g.d

-- title: series from data
-- verdict: refuse
-- code: function_argument
-- dialects: postgres duckdb
SELECT t.id FROM trade AS t, generate_series(1, (SELECT max(price) FROM trade)) AS g(i) WHERE g.i = t.id

-- title: series that stands still
-- verdict: refuse
-- code: function_argument
-- dialects: postgres duckdb
SELECT t.id FROM trade AS t, generate_series(1, 5, 0) AS g(i) WHERE g.i = t.id

-- title: series in a SELECT list over a table
-- verdict: refuse
-- code: function
-- dialects: postgres duckdb
SELECT generate_series(1, price) FROM trade

-- title: series beside a table
-- verdict: refuse
-- code: join_without_equality
-- dialects: postgres duckdb
SELECT count(*) AS n FROM generate_series(1, 100) AS g(i), trade AS t

-- title: series alone
-- verdict: refuse
-- code: no_table
-- dialects: postgres duckdb
SELECT g.i FROM generate_series(1, 100) AS g(i)

-- title: recursion without an end
-- verdict: refuse
-- code: recursive
-- dialects: all
WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT r.n FROM r JOIN trade AS t ON t.id = r.n

-- title: recursion that joins
-- verdict: refuse
-- code: recursive
-- dialects: all
WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT r.n + 1 FROM r JOIN trade AS t ON t.id = r.n WHERE r.n < 10) SELECT n FROM r

-- title: recursion from many rows
-- verdict: refuse
-- code: recursive
-- dialects: all
WITH RECURSIVE r(n) AS (SELECT id FROM trade UNION ALL SELECT n + 1 FROM r WHERE n < 10) SELECT n FROM r

-- title: recursion with two steps
-- verdict: refuse
-- code: recursive
-- dialects: all
WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 10 UNION ALL SELECT n + 2 FROM r WHERE n < 10) SELECT r.n FROM r JOIN trade AS t ON t.id = r.n

-- title: recursion over a denied column
-- verdict: refuse
-- code: denied_column
-- dialects: all
WITH RECURSIVE r(n) AS (SELECT max(rrn) FROM buyer UNION ALL SELECT n FROM r WHERE n < 10) SELECT n FROM r

-- title: lateral without a tie
-- verdict: refuse
-- code: join_without_equality
-- dialects: postgres duckdb mysql
SELECT c.name, l.price FROM complex AS c, LATERAL (SELECT price FROM trade AS b WHERE b.price > c.households) AS l

-- title: lateral over an unlisted table
-- verdict: refuse
-- code: table
-- dialects: postgres duckdb mysql
SELECT c.name, l.pay FROM complex AS c JOIN LATERAL (SELECT pay FROM salary AS s WHERE s.id = c.id) AS l ON true

-- title: lateral over a denied column of its neighbour
-- verdict: refuse
-- code: denied_column
-- dialects: postgres duckdb mysql
SELECT c.id, l.x FROM buyer AS c, LATERAL (SELECT c.rrn AS x FROM trade AS b WHERE b.id = c.trade_id) AS l

-- title: JSON of a whole row
-- verdict: refuse
-- code: unknown_column
-- dialects: postgres duckdb
SELECT b->>'rrn' AS x FROM buyer AS b

-- title: JSON of a denied column
-- verdict: refuse
-- code: denied_column
-- dialects: all
SELECT rrn->>'a' AS x FROM buyer

-- title: JSON path with a wildcard
-- verdict: refuse
-- code: syntax
-- dialects: sqlite mysql duckdb
SELECT body->>'$.*' AS x FROM note

-- title: JSON path from data
-- verdict: refuse
-- code: syntax
-- dialects: postgres duckdb
SELECT body->>t.name AS x FROM note AS n JOIN trade AS t ON t.id = n.trade_id

-- title: JSON function on a text
-- verdict: refuse
-- code: function
-- dialects: sqlite duckdb
SELECT json_extract(name, '$.a') AS x FROM trade

-- title: alias with a telephone number in parts
-- verdict: refuse
-- code: label
-- dialects: sqlite postgres duckdb
SELECT id AS "010-1234-5678" FROM trade

-- title: alias with a link
-- verdict: refuse
-- code: label
-- dialects: sqlite postgres duckdb
SELECT id AS "www.evil.kr" FROM trade

-- title: alias with the beginning of a link
-- verdict: refuse
-- code: label
-- dialects: sqlite postgres duckdb
SELECT id AS "http://a" FROM trade

-- title: JSON of a denied column within a call
-- verdict: refuse
-- code: denied_column
-- dialects: postgres duckdb
SELECT upper(rrn->'a') AS x FROM buyer

-- title: a lambda
-- verdict: refuse
-- code: syntax
-- dialects: duckdb
SELECT upper(x -> x) AS y FROM trade

-- title: VALUES of many rows
-- verdict: refuse
-- code: syntax
-- dialects: sqlite
WITH RECURSIVE r(n) AS (VALUES (1), (2) UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT r.n FROM r JOIN trade AS t ON t.id = r.n
