"""Fields of forms in languages that have no rules of their own, by their labels."""

# ruff: noqa: E501 - a table reads better whole

import pytest

from langchain_privacy import Masker
from langchain_privacy.detection import default_detectors, detect_all
from langchain_privacy.words.labels import MAYBE_NAME, NAME, kind_of_label

RULES = default_detectors(presidio=False)

FORMS = """
Imię i nazwisko: Wojciech Brzęk|Nazwisko: Brzęk|Data urodzenia: 12.03.1985
Adres: ul. Polna 4/7, Radom|PESEL: 85031212345
Ad Soyad: Tuğçe Ercan|Adı: Tuğçe|Soyadı: Ercan|Doğum tarihi: 12.03.1985
Adres: Gül Sok. 4/7, Bursa
Jméno: Kamil Vondruš|Příjmení: Vondruš|Datum narození: 12. 3. 1985
Adresa: Lipová 12, Kroměříž|Bydliště: Lipová 12
Név: Tarnóczy Ilka|Születési dátum: 1985.03.12|Lakcím: Nyár u. 4, Makó|Anyja neve: Pálfi Ida
Nume: Ilinca Drăgulescu|Prenume: Ilinca|Data nașterii: 12.03.1985
Adresa: Str. Lungă 12, Buzău
Ime i prezime: Vjeko Škarica|Datum rođenja: 12.3.1985|Adresa: Zelena 4, Sisak
Име: Радослав Пенков|Дата на раждане: 12.03.1985|Адрес: ул. Роза 4, Ямбол
ФИО: Брусникина Алевтина|Имя: Алевтина|Дата рождения: 12.03.1985|Адрес: ул. Лесная 4
Место рождения: Шуя
ПІБ: Гайворон Орися|Дата народження: 12.03.1985|Адреса: вул. Лісова 4
Ονοματεπώνυμο: Θάλεια Μαρκίδη|Ημερομηνία γέννησης: 12/03/1985|Διεύθυνση: Ρόδων 4, Βόλος
Namn: Torvald Ekeroth|Födelsedatum: 1985-03-12|Adress: Björkgatan 4, Växjö
Navn: Sunniva Tveitan|Fødselsdato: 12.03.1985|Adresse: Bjørkeveien 4, Hamar
Nimi: Aatos Kuusisto|Syntymäaika: 12.3.1985|Osoite: Koivutie 4, Kuopio
Naam: Maud Verschuur|Geboortedatum: 12-03-1985|Adres: Berkenlaan 4, Zwolle|Woonplaats: Zwolle
Nama: Bagas Wiratmo|Nama lengkap: Bagas Wiratmo|Tanggal lahir: 12 Maret 1985
Tempat lahir: Kediri|Alamat: Jl. Melati 4, Kediri
Họ và tên: Lương Thị Nhàn|Họ tên: Lương Thị Nhàn|Ngày sinh: 12/03/1985
Địa chỉ: 4 Ngõ Trạm, Hà Đông|Quê quán: Nam Trực
ชื่อ: สมหญิง ทองแท้|ชื่อ-นามสกุล: สมหญิง ทองแท้|วันเกิด: 12/03/1985|ที่อยู่: 4 ถนนสุขใจ
الاسم: هديل البكري|الاسم الكامل: هديل البكري|تاريخ الميلاد: 12/03/1985|العنوان: شارع النخيل 4
اسم المريض: هديل البكري
نام: پرستو کیانی|نام و نام خانوادگی: پرستو کیانی|تاریخ تولد: 1364/03/12|آدرس: خیابان گل 4
שם: תמר בירנבוים|שם מלא: תמר בירנבוים|תאריך לידה: 12/03/1985|כתובת: רחוב הדקל 4
नाम: कविता बरूआ|जन्म तिथि: 12/03/1985|पता: 4 गुलाब मार्ग|पिता का नाम: हरीश बरूआ
নাম: রোকসানা আক্তার|জন্ম তারিখ: 12/03/1985|ঠিকানা: 4 গোলাপ রোড
பெயர்: கவிதா செல்வம்|முகவரி: 4 ரோஜா தெரு
Jina: Makena Wambui|Tarehe ya kuzaliwa: 12/03/1985|Anwani: 4 Mtaa wa Maua
Pangalan: Ligaya Dimaculangan|Petsa ng kapanganakan: 12/03/1985|Tirahan: 4 Kalye Rosas
Nombre: Begoña Arrizabal|Apellidos: Arrizabal Toro|Fecha de nacimiento: 12/03/1985
Dirección: Calle Rosa 4|Domicilio: Calle Rosa 4
Nome: Otávio Quaresma|Sobrenome: Quaresma|Data de nascimento: 12/03/1985|Endereço: Rua Rosa 4
Morada: Rua Rosa 4
Nom: Solène Tribouillet|Prénom: Solène|Date de naissance: 12/03/1985|Adresse: 4 rue Rose
Né le: 12/03/1985
Nome: Ludovica Sbrana|Cognome: Sbrana|Data di nascita: 12/03/1985|Indirizzo: Via Rosa 4
Luogo di nascita: Prato
Name: Ottokar Wüllner|Vorname: Ottokar|Geburtsdatum: 12.03.1985|Anschrift: Rosenweg 4
Wohnort: Uelzen|Geburtsort: Uelzen
"""
CASES = [case for line in FORMS.strip().splitlines() for case in line.split("|")]


@pytest.mark.parametrize("case", CASES)
def test_the_value_behind_a_label_is_found(case: str) -> None:
    label, _, value = case.partition(": ")
    # What names things as well needs another field of a person beside it.
    text = f"{case}\nE-mail: ilka@example.org" if kind_of_label(label) == MAYBE_NAME else case
    found = detect_all(text, RULES)
    said = [at for at in range(len(label), len(case)) if case[at].isalnum()]
    left = [at for at in said if not any(f.start <= at < f.end for f in found)]
    assert len(left) <= 0.2 * sum(map(str.isalnum, value))  # "ul.": a word of an address may stay


def test_what_names_things_as_well_is_told_apart() -> None:
    assert kind_of_label("Tên") == kind_of_label("Nama") == MAYBE_NAME
    assert kind_of_label("الاسم") == kind_of_label("नाम") == NAME


TABLES = [
    ("imię;nazwisko;nr telefonu\nWojciech;Brzęk;601234567\nIda;Nowak;602345678", "Wojciech Brzęk Ida Nowak 601234567 602345678"),
    ("Ad Soyad,Doğum Tarihi,TC Kimlik No\nTuğçe Ercan,12.03.1985,10000000146", "Tuğçe Ercan 12.03.1985 10000000146"),
    ("الاسم\tالعمر\tرقم الهاتف\nهديل البكري\t41\t0501234567\nسامر\t33\t0501234568", "هديل البكري سامر 0501234567 0501234568"),
    ("| ชื่อ-นามสกุล | เบอร์โทร |\n|---|---|\n| สมหญิง ทองแท้ | 0812345678 |", "สมหญิง ทองแท้ 0812345678"),
    ("姓名,电话,身份证号\n王小明,13917204468,310104198807124315", "王小明 13917204468 310104198807124315"),
    ("氏名\t電話番号\t会員番号\n榊原美咲\t090-1234-5678\tA-20311", "榊原美咲 090-1234-5678 A-20311"),
    ("ФИО;Телефон;Паспорт\nБрусникина Алевтина;+7 912 345-67-89;4509 123456", "Брусникина Алевтина +7 912 345-67-89 4509 123456"),
    ('{"họ_tên":"Lương Thị Nhàn","số_điện_thoại":"0912345678"}', "Lương Thị Nhàn 0912345678"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "private"), TABLES)
def test_cells_are_known_by_the_head_and_the_head_stays(text: str, private: str) -> None:
    masked = Masker(RULES).session("t").mask(text)
    for word in private.split():
        assert word not in masked
    head = text.partition("\n")[0]
    assert text[0] == "{" or masked.startswith(head)


@pytest.mark.parametrize("text", ["grad: None", "TTL: 3600", "ad: Buy now", "kota: 12", "pol: x"])
def test_short_words_of_code_are_no_labels(text: str) -> None:
    assert not detect_all(text, RULES)
