-- title: slot
-- verdict: allow
-- dialects: all
SELECT id FROM trade WHERE district = :v1

-- title: parenthesised set operation
-- verdict: allow
-- dialects: postgres duckdb mysql
(SELECT id FROM trade) UNION (SELECT id FROM complex) ORDER BY 1 LIMIT 3

-- title: article
-- verdict: allow
-- dialects: all
SELECT name, price FROM trade WHERE district = '서울특별시 성동구 옥수동' ORDER BY price DESC LIMIT 3

-- title: article's double quotes
-- verdict: allow
-- dialects: sqlite mysql
SELECT name, price FROM trade WHERE district = "서울특별시 성동구 옥수동" ORDER BY price DESC LIMIT 3

-- title: comma join
-- verdict: allow
-- dialects: all
SELECT t.id FROM trade AS t, complex AS c WHERE t.name = c.name AND c.households > 100

-- title: join on either of two keys
-- verdict: allow
-- dialects: all
SELECT t.id FROM trade AS t JOIN complex AS c ON t.name = c.name OR t.id = c.id

-- title: single-row partner
-- verdict: allow
-- dialects: all
SELECT t.id FROM trade AS t CROSS JOIN (SELECT avg(price) AS a FROM trade) AS m WHERE t.price > m.a

-- title: top per group
-- verdict: allow
-- dialects: all
SELECT q.name FROM (SELECT name, row_number() OVER (PARTITION BY district ORDER BY price DESC) AS r FROM trade) AS q WHERE q.r <= 3

-- title: CASE and alias in GROUP BY
-- verdict: allow
-- dialects: all
SELECT CASE WHEN price > 100 THEN 'high' ELSE 'low' END AS band, count(*) AS n FROM trade GROUP BY band ORDER BY n DESC

-- title: chain of WITH
-- verdict: allow
-- dialects: all
WITH a AS (SELECT district, avg(price) AS p FROM trade GROUP BY district), b AS (SELECT max(p) AS m FROM a) SELECT a.district FROM a JOIN b ON a.p = b.m

-- title: same alias in and out
-- verdict: allow
-- dialects: all
SELECT t.id FROM trade AS t WHERE t.id IN (SELECT t.trade_id FROM buyer AS t)

-- title: string that looks like a comment
-- verdict: allow
-- dialects: all
SELECT id FROM trade WHERE name = 'a -- b /* c */ ; DROP'

-- title: percent and colon in a string
-- verdict: allow
-- dialects: all
SELECT id FROM trade WHERE name LIKE '100%: a::b :x'

-- title: own schema
-- verdict: allow
-- dialects: postgres
SELECT id FROM public.trade

-- title: month by strftime
-- verdict: allow
-- dialects: sqlite
SELECT strftime('%Y-%m', sold) AS month, count(*) AS n FROM trade GROUP BY month

-- title: month by date_trunc
-- verdict: allow
-- dialects: postgres duckdb
SELECT date_trunc('month', sold) AS m, count(*) AS n FROM trade GROUP BY 1 ORDER BY 1

-- title: interval
-- verdict: allow
-- dialects: postgres duckdb
SELECT id FROM trade WHERE sold > current_date - INTERVAL '30 days'

-- title: month by DATE_FORMAT
-- verdict: allow
-- dialects: mysql
SELECT DATE_FORMAT(sold, '%Y-%m') AS m, count(*) AS n FROM trade GROUP BY m

-- title: difference in months
-- verdict: allow
-- dialects: mysql
SELECT TIMESTAMPDIFF(MONTH, sold, NOW()) AS m FROM trade

-- title: extract
-- verdict: allow
-- dialects: postgres duckdb mysql
SELECT EXTRACT(YEAR FROM sold) AS y, sum(price) AS s FROM trade GROUP BY 1

-- title: named window
-- verdict: allow
-- dialects: all
SELECT avg(price) OVER w AS a FROM trade WINDOW w AS (PARTITION BY district)

-- title: EXISTS with a star over denied columns
-- verdict: allow
-- dialects: all
SELECT t.id FROM trade AS t WHERE EXISTS (SELECT * FROM buyer AS b WHERE b.trade_id = t.id)

-- title: three joins
-- verdict: allow
-- dialects: all
SELECT c.name, count(b.id) AS n FROM complex AS c LEFT JOIN trade AS t ON t.name = c.name LEFT JOIN buyer AS b ON b.trade_id = t.id GROUP BY c.name

-- title: distinct on
-- verdict: allow
-- dialects: postgres duckdb
SELECT DISTINCT ON (district) district, price FROM trade ORDER BY district, price DESC

-- title: padding by a constant
-- verdict: allow
-- dialects: postgres mysql
SELECT lpad(name, 10, '.') AS p FROM trade

-- title: not in with nulls
-- verdict: allow
-- dialects: all
SELECT id FROM trade WHERE name NOT IN (SELECT name FROM complex WHERE name IS NOT NULL)

-- title: having over an alias
-- verdict: allow
-- dialects: sqlite mysql duckdb
SELECT district, count(*) AS n FROM trade GROUP BY district HAVING n > 3

-- title: arithmetic on subqueries
-- verdict: allow
-- dialects: all
SELECT (SELECT count(*) FROM trade) - (SELECT count(*) FROM complex) AS d

-- title: aggregate of an aggregate
-- verdict: allow
-- dialects: all
SELECT avg(q.n) AS a FROM (SELECT count(*) AS n FROM trade GROUP BY district) AS q

-- title: unicode alias
-- verdict: allow
-- dialects: all
SELECT district AS 지역, avg(price) AS 평균_가격 FROM trade GROUP BY 지역 ORDER BY 평균_가격 DESC

-- title: from first
-- verdict: allow
-- dialects: duckdb
FROM trade SELECT name WHERE price > 10500 ORDER BY id

-- title: grouping sets
-- verdict: allow
-- dialects: postgres duckdb
SELECT district, name, count(*) AS n FROM trade GROUP BY GROUPING SETS ((district), (name), ())

-- title: cube
-- verdict: allow
-- dialects: postgres duckdb
SELECT district, floor, sum(price) AS s FROM trade GROUP BY CUBE (district, floor)

-- title: rollup
-- verdict: allow
-- dialects: postgres duckdb
SELECT district, grouping(district) AS g, sum(price) AS s FROM trade GROUP BY ROLLUP (district)

-- title: any of a list
-- verdict: allow
-- dialects: postgres
SELECT id FROM trade WHERE floor = ANY (ARRAY[1, 2, 3])

-- title: collation by name
-- verdict: allow
-- dialects: postgres
SELECT id FROM trade ORDER BY name COLLATE "C"


-- title: words in double quotes that are compared with columns
-- verdict: allow
-- dialects: sqlite
SELECT name FROM trade WHERE district = "Seoul" AND name IN ("a", "b") AND name LIKE "c" AND name BETWEEN "a" AND "m"

-- title: a word in double quotes as a result of CASE
-- verdict: allow
-- dialects: sqlite
SELECT CASE WHEN price > 100 THEN "high" ELSE "low" END AS level FROM trade

-- title: joins in parentheses
-- verdict: allow
-- dialects: all
SELECT c.name, count(*) FROM complex c LEFT JOIN (trade t JOIN complex d ON d.name = t.name) ON c.name = t.name GROUP BY c.name

-- title: joins in parentheses with a table of denied columns
-- verdict: allow
-- dialects: postgres duckdb mysql
SELECT c.name, count(*) FROM complex c LEFT JOIN (trade t JOIN buyer b ON b.trade_id = t.id) ON c.name = t.name GROUP BY c.name

-- title: a join in parentheses alone, tied by WHERE
-- verdict: allow
-- dialects: all
SELECT t.id FROM (trade t CROSS JOIN buyer b) WHERE b.trade_id = t.id

-- title: joins in parentheses within each other
-- verdict: allow
-- dialects: all
SELECT t.id FROM ((trade t JOIN buyer b ON b.trade_id = t.id) JOIN complex c ON c.name = t.name)

-- title: a subquery joined in parentheses
-- verdict: allow
-- dialects: all
SELECT x.n FROM ((SELECT name, count(*) AS n FROM trade GROUP BY name) x JOIN complex c ON c.name = x.name)

-- title: DuckDB orders by all columns
-- verdict: allow
-- dialects: duckdb
SELECT district, name, price FROM trade ORDER BY ALL DESC NULLS LAST LIMIT 3

-- title: DuckDB groups and orders by all
-- verdict: allow
-- dialects: duckdb
SELECT district, COUNT(*) AS n FROM trade GROUP BY district ORDER BY ALL LIMIT 3

-- title: aliases as people name figures
-- verdict: allow
-- dialects: sqlite postgres duckdb
SELECT sum(price) AS "1분기", avg(price) AS "2024년", count(*) AS "30일_이내", max(price) AS "A&B", min(price) AS "평균-가격 (만원/㎡)" FROM trade

-- title: aliases as people name figures, in backticks
-- verdict: allow
-- dialects: mysql
SELECT sum(price) AS `1분기`, count(*) AS `30일_이내`, max(price) AS `A&B`, min(price) AS `2023-2024 최저` FROM trade

-- title: alias longer than a server keeps
-- verdict: allow
-- dialects: all
SELECT q.서울특별시_성동구의_전용면적_팔십오제곱미터_이하_아파트_평균_거래금액_만원 AS a FROM (SELECT avg(price) AS 서울특별시_성동구의_전용면적_팔십오제곱미터_이하_아파트_평균_거래금액_만원 FROM trade) AS q

-- title: cross join of two one-row selects
-- verdict: allow
-- dialects: all
WITH a AS (SELECT avg(price) AS x FROM trade), twice AS (SELECT x * 2 AS x FROM a), b AS (SELECT 1 AS y) SELECT twice.x, b.y FROM twice CROSS JOIN b

-- title: days of a month
-- verdict: allow
-- dialects: postgres
SELECT g.d, count(t.id) AS n FROM generate_series(DATE '2024-01-01', DATE '2024-02-10', INTERVAL '1 day') AS g(d) LEFT JOIN trade AS t ON t.sold = g.d::date GROUP BY g.d ORDER BY g.d

-- title: days of a month in DuckDB
-- verdict: allow
-- dialects: duckdb
SELECT g.d, count(t.id) AS n FROM generate_series(DATE '2024-01-01', DATE '2024-02-10', INTERVAL 1 DAY) AS g(d) LEFT JOIN trade AS t ON t.sold = g.d::date GROUP BY g.d ORDER BY g.d

-- title: months by range
-- verdict: allow
-- dialects: postgres
WITH months AS (SELECT generate_series('2023-12-01'::date, '2024-03-01'::date, '1 month')::date AS m) SELECT m, count(t.id) AS n FROM months LEFT JOIN trade AS t ON t.sold >= m AND t.sold < m + INTERVAL '1 month' GROUP BY m ORDER BY m

-- title: months in a list
-- verdict: allow
-- dialects: duckdb
WITH months AS (SELECT unnest(generate_series(DATE '2023-12-01', DATE '2024-03-01', INTERVAL 1 MONTH)) AS m) SELECT m, count(t.id) AS n FROM months LEFT JOIN trade AS t ON t.sold >= m AND t.sold < m + INTERVAL 1 MONTH GROUP BY m ORDER BY m

-- title: numbers
-- verdict: allow
-- dialects: duckdb
SELECT x.i, count(t.id) AS n FROM range(1, 13) AS x(i) LEFT JOIN trade AS t ON month(t.sold) = x.i GROUP BY x.i

-- title: recursion over days
-- verdict: allow
-- dialects: sqlite
WITH RECURSIVE d(x) AS (SELECT '2024-01-01' UNION ALL SELECT date(x, '+1 day') FROM d WHERE x < '2024-02-10') SELECT d.x, count(t.id) AS n FROM d LEFT JOIN trade AS t ON t.sold = d.x GROUP BY d.x

-- title: recursion over days in MySQL
-- verdict: allow
-- dialects: mysql
WITH RECURSIVE d AS (SELECT DATE('2024-01-01') AS x UNION ALL SELECT DATE_ADD(x, INTERVAL 1 DAY) FROM d WHERE x < '2024-02-10') SELECT d.x, count(t.id) AS n FROM d LEFT JOIN trade AS t ON t.sold = d.x GROUP BY d.x

-- title: recursion between the first and the last day
-- verdict: allow
-- dialects: postgres duckdb
WITH RECURSIVE d AS (SELECT MIN(sold) AS x FROM trade UNION ALL SELECT (x + INTERVAL '1 day')::date FROM d WHERE x < (SELECT MAX(sold) FROM trade)) SELECT d.x, count(t.id) AS n FROM d LEFT JOIN trade AS t ON t.sold = d.x GROUP BY d.x ORDER BY d.x

-- title: recursion that counts
-- verdict: allow
-- dialects: all
WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 12) SELECT r.n, count(t.id) AS c FROM r LEFT JOIN trade AS t ON t.floor = r.n GROUP BY r.n

-- title: RECURSIVE without recursion
-- verdict: allow
-- dialects: all
WITH RECURSIVE a AS (SELECT id FROM trade) SELECT id FROM a

-- title: lateral top per row
-- verdict: allow
-- dialects: postgres duckdb
SELECT c.name, l.price FROM complex AS c LEFT JOIN LATERAL (SELECT price FROM trade AS b WHERE b.name = c.name ORDER BY price DESC, id LIMIT 2) AS l ON true

-- title: lateral summary
-- verdict: allow
-- dialects: postgres duckdb
SELECT c.name, l.x FROM complex AS c CROSS JOIN LATERAL (SELECT max(price) AS x FROM trade AS b WHERE b.price > c.households) AS l

-- title: lateral after a comma
-- verdict: allow
-- dialects: postgres duckdb
SELECT c.name, l.price FROM complex AS c, LATERAL (SELECT price FROM trade AS b WHERE b.name = c.name) AS l

-- title: JSON in MySQL
-- verdict: allow
-- dialects: mysql
SELECT JSON_UNQUOTE(JSON_EXTRACT(body, '$.kind')) AS kind, count(*) AS n FROM note GROUP BY 1

-- title: JSON
-- verdict: allow
-- dialects: sqlite duckdb
SELECT body->>'$.kind' AS kind, count(*) AS n FROM note GROUP BY body->>'$.kind'

-- title: JSON on PostgreSQL
-- verdict: allow
-- dialects: postgres
SELECT body->>'kind' AS kind, body->'by'->>'age' AS age, body#>>'{by,age}' AS again, (body->'by'->>'age')::int + 1 AS next, json_extract_path_text(body, 'by', 'age') AS also FROM note WHERE body->>'kind' = 'k1'

-- title: JSON by function
-- verdict: allow
-- dialects: sqlite duckdb
SELECT json_extract(body, '$.by.age') AS age, body->'by' AS parts FROM note ORDER BY age

-- title: recursion from VALUES
-- verdict: allow
-- dialects: sqlite
WITH RECURSIVE months(m) AS (VALUES('2024-01') UNION ALL SELECT strftime('%Y-%m', m || '-01', '+1 month') FROM months WHERE m < '2024-04') SELECT months.m, count(t.id) AS n FROM months LEFT JOIN trade AS t ON strftime('%Y-%m', t.sold) = months.m GROUP BY months.m

-- title: JSON within a call
-- verdict: allow
-- dialects: postgres
SELECT upper(body->>'kind') AS k, coalesce(body->'by'->>'age', '0') AS age, json_typeof(body->'by') AS t FROM note

-- title: aliases with signs
-- verdict: allow
-- dialects: sqlite postgres duckdb
SELECT price AS "가격: 만원 (VAT 포함)", name AS "단지?", area AS "#1 면적=㎡", floor AS "Q1'24 ▲", id AS "번호 → id" FROM trade
