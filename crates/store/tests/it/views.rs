//! The views for readers: words, scales, timestamps, and a comment on each column.

use crate::readers::{READABLE, execute, reader, texts, two_orgs};
use crate::support::{Database, org};
use sqlx::AssertSqlSafe;

#[tokio::test]
async fn views_say_what_tables_hold_in_words_and_scales() {
    let (database, store) = two_orgs().await;
    let mut anna = reader(&database, &store, "anna", &org()).await;
    execute(&mut anna, "SET timezone = 'UTC'").await.unwrap();
    let mut shown = Vec::new();
    for view in READABLE.iter().filter(|name| name.starts_with("reader_")) {
        // The database's clock is different each time, and is a timestamp already.
        let row = format!(
            "SELECT jsonb_pretty(to_jsonb(t) - '{{opened_at,updated_at,at,next_attempt_at,gap_id,decided_at}}'::text[])
             FROM orgwatch.{view} t"
        );
        shown.push(format!("{view}: {}", texts(&mut anna, &row).await.join("\n")));
    }
    insta::assert_snapshot!(shown.join("\n"));
    let worst = "SELECT orgwatch.severity_of(n)::text FROM unnest(ARRAY[2, 0, 3, 1]::smallint[]) n
                 ORDER BY orgwatch.severity_of(n) DESC";
    assert_eq!(texts(&mut anna, worst).await, ["critical", "high", "medium", "low"]);
}

#[tokio::test]
async fn the_columns_of_the_views_are_documented() {
    let (database, _store) = Database::migrated().await;
    let columns = "SELECT format('%s %s, %s: %s', c.relname, coalesce(a.attname, ''),
            coalesce(format_type(a.atttypid, a.atttypmod), 'view'), coalesce(d.description, 'NO COMMENT'))
        FROM pg_class c
        JOIN LATERAL (SELECT 0 AS attnum, NULL::name AS attname, NULL::oid AS atttypid, NULL::integer AS atttypmod
            UNION ALL SELECT attnum, attname, atttypid, atttypmod FROM pg_attribute
            WHERE attrelid = c.oid AND attnum > 0) a ON true
        LEFT JOIN pg_description d ON d.objoid = c.oid AND d.classoid = 'pg_class'::regclass AND d.objsubid = a.attnum
        WHERE c.relnamespace = 'orgwatch'::regnamespace AND c.relkind = 'v' ORDER BY c.relname, a.attnum";
    let columns = texts(&mut database.connection().await, columns).await.join("\n");
    assert!(!columns.contains("NO COMMENT"), "{columns}");
    insta::assert_snapshot!(columns);
}

#[tokio::test]
async fn the_queries_of_the_documentation_work() {
    let (database, store) = two_orgs().await;
    let mut anna = reader(&database, &store, "anna", &org()).await;
    let text = include_str!("../../../../docs/sql.md");
    let queries: Vec<&str> = text.split("```sql\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(queries.len(), 2);
    for query in queries {
        let query = query.trim_end().trim_end_matches(';');
        let rows: i64 = sqlx::query_scalar(AssertSqlSafe(format!("SELECT count(*) FROM ({query}) AS answer")))
            .fetch_one(&mut anna)
            .await
            .unwrap();
        assert_eq!(rows, 1, "{query}");
    }
}
