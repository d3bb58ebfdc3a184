"""Secrets in code, settings and prose: the whole literal is masked, the code stays code."""

# ruff: noqa: E501 - tables read better whole

import pytest

from langchain_privacy.detection import default_detectors, detect_all

RULES = default_detectors(presidio=False)

FOUND = [
    ('password = os.environ.get("PW", "hunter2-Bla")', 'hunter2-Bla'),
    ("DB_PASSWORD = os.getenv('DB_PASSWORD', 'hunter2-Bla')", 'hunter2-Bla'),
    ('password = get_secret("db/main", default="hunter2-Bla")', 'hunter2-Bla'),
    ('password = config.get("db", "password", fallback="tiger lily 9")', 'tiger lily 9'),
    ('pw = settings.get("db_password", "letmein")', 'letmein'),
    ('password = os.environ.get("PW") or "hunter2-Bla"', 'hunter2-Bla'),
    ('password: str = Field(default="hunter2-Bla", description="The password of it")', 'hunter2-Bla'),
    ('password: str = "hunter2 Bla"', 'hunter2 Bla'),
    ('const dbPassword = process.env.PW || "hunter2-Bla";', 'hunter2-Bla'),
    ("const token = process.env.TOKEN ?? 'abc-123-x';", 'abc-123-x'),
    ('String password = System.getenv().getOrDefault("PW", "hunter2-Bla");', 'hunter2-Bla'),
    ('@Value("${db.password:hunter2-Bla}") String p;', 'hunter2-Bla'),
    ('password = ENV.fetch("PW") { "hunter2-Bla" }', 'hunter2-Bla'),
    ("'password' => env('DB_PASSWORD', 'hunter2-Bla'),", 'hunter2-Bla'),
    ("$password = getenv('PW') ?: 'hunter2-Bla';", 'hunter2-Bla'),
    ('var password = Environment.GetEnvironmentVariable("PW") ?? "hunter2-Bla";', 'hunter2-Bla'),
    ('let password = env::var("PW").unwrap_or("hunter2-Bla".to_string());', 'hunter2-Bla'),
    ('password := getEnv("PW", "hunter2-Bla")', 'hunter2-Bla'),
    ('val password = System.getenv("PW") ?: "hunter2-Bla"', 'hunter2-Bla'),
    ('PASSWORD="${PASSWORD:-hunter2-Bla}"', 'hunter2-Bla'),
    ('export PW_TOKEN=${PW_TOKEN:-hunter2-Bla}', 'hunter2-Bla'),
    ('variable "db_password" {\n  default = "hunter2-Bla"\n}', 'hunter2-Bla'),
    ('- name: DB_PASSWORD\n  value: hunter2-Bla', 'hunter2-Bla'),
    ('<add key="DbPassword" value="hunter2-Bla"/>', 'hunter2-Bla'),
    ('<password>hunter2-Bla</password>', 'hunter2-Bla'),
    ("CREATE USER bob WITH PASSWORD 'hunter2-Bla';", 'hunter2-Bla'),
    ('mysqldump --password hunter2-Bla shop', 'hunter2-Bla'),
    ('assert password == "hunter2-Bla"', 'hunter2-Bla'),
    ('password = SecretStr("hunter2-Bla")', 'hunter2-Bla'),
    ('cfg = {"host": "db", "password": decrypt("hunter2-Bla", KEY)}', 'hunter2-Bla'),
    ('DB_PASSWORD=a,b;c<9>d\nX=1', 'a,b;c<9>d'),
    ('token = jwt.encode(payload, "s3cr3t-key")', 's3cr3t-key'),
    ('password: hunter2!x', 'hunter2!x'),
    ('password is hunter2!x.', 'hunter2!x'),
]  # fmt: skip


@pytest.mark.parametrize(("text", "value"), FOUND, ids=[t for t, _ in FOUND])
def test_the_literal_is_masked_and_nothing_else(text: str, value: str) -> None:
    assert [(f.entity_type, text[f.start : f.end]) for f in detect_all(text, RULES)] == [
        ("SECRET", value)
    ]


CLEAR = [
    "credentials = '{0}:{1}'.format(user, password)",
    "user_pass = '%s:%s' % (user, password)",
    "pwd = (self.password.encode('utf-8') if isinstance(self.password, str) else self.password)",
    'password = os.environ["DB_PASSWORD"]',
    'password = getpass.getpass("Enter your password: ")',
    'password = self.settings.db_password',
    'password = config["db"]["password"]',
    'token = response.json()["access_token"]',
    'api_key = "YOUR_API_KEY_HERE_PLACEHOLDER"',
    'api_key: <your key>',
    'password = request.form.get("password", "")',
    'password = Column(String(128), nullable=False)',
    'fields = ["username", "password", "last_login"]',
    'const token = useToken();',
    'password = get_secret("db/password")',
    'password=${PASSWORD}',
    'password = "{{ vault_password }}"',
    '"token": "string"',
    'def login(user: str, password: str) -> None:',
    'password = models.CharField("password", max_length=128)',
    '<input type="password" name="password" placeholder="Password">',
    'password = None',
    'secret = secrets.token_hex(16)',
    'if password == confirm_password: ...',
    'token = next(tokens)',
    'password = user.password',
    'api_key=args.api_key,',
    'The password is required.',
    'export TOKEN=$(cat /run/token)',
    'token = "changeme"',
]  # fmt: skip


@pytest.mark.parametrize("text", CLEAR)
def test_is_left_alone(text: str) -> None:
    assert [(f.entity_type, text[f.start : f.end]) for f in detect_all(text, RULES)] == []


# A password as people write it down: its label in any language, a mark, and a short value.
LABELS = (
    "password", "pwd", "passcode", "pass", "PIN", "비밀번호", "비번", "패스워드", "암호", "Passwort", "Kennwort", "mot de passe",
    "contraseña", "senha", "wachtwoord", "lösenord", "hasło", "пароль", "パスワード", "暗証番号", "密码", "密碼", "口令",
    "clave", "contrasena", "código de acceso", "암호문구", "암호 문구", "비밀 번호", "비밀키", "복구코드", "패스프레이즈",
)  # fmt: skip
MARKS = (": ", ":", " : ", "=", "：", " - ", " → ", "\t", "\n")
SHORT = ("Qwer!", "qwer!", "Qwer!2", "ab1!", "hunter2", "P@ss", "1q2w3e4r", "Zx9", "0000")


@pytest.mark.parametrize("label", LABELS)
def test_a_short_password_behind_its_label(label: str) -> None:
    left = []
    for mark in MARKS:
        for value in SHORT:
            text = f"{label}{mark}{value}\n"
            hidden = {i for f in detect_all(text, RULES) for i in range(f.start, f.end)}
            letters = [i for i, c in enumerate(text) if i >= len(label + mark) and c.isalnum()]
            left += [] if hidden.issuperset(letters) else [text]
    assert left == []


@pytest.mark.parametrize(
    "text",
    ["password: none", "Password: changed!", "Password - please change it", "비밀번호: 없음", "비밀번호: 초기화!",
     "비밀번호는 8자 이상", "Passwort: vergessen?", "mot de passe : oublié", "PIN: 3rd", "암호\n문서", "密码：必填",
     "Password\nReset", "password -> settings", "clave: trabajar duro", "clave primaria: id_cliente",
     "암호문구: 없음", "암호문구는 8자 이상"],
)  # fmt: skip
def test_a_word_behind_the_label_is_no_password(text: str) -> None:
    assert detect_all(text, RULES) == []
