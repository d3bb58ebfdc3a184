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
