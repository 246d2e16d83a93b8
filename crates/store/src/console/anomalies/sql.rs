//! SQL of checked queries. What users write becomes parameters of a statement, never its text.

use forms::query::{Comparison, Cursor, Direction, Filter, GroupKey, Sort, Test, Value};
use forms::tenant::Field;
use forms::{FieldType, MetricsType};
use sqlx::{Postgres, QueryBuilder};

/// Incidents with what their leading findings have. Most queries name no column of a finding, and then cost no join.
pub(super) const FROM: &str = "orgwatch.incidents i
    LEFT JOIN orgwatch.findings f ON f.finding_id = i.leading_finding_id";

/// Which incidents have a record: not those that another one absorbed, or that are explained.
pub(super) const HAS_RECORD: &str = "i.status NOT IN ('merged', 'withdrawn') AND i.leading_finding_id IS NOT NULL";

/// Selects the records of a page and one more, with these columns.
pub(super) fn records(
    columns: &str,
    filters: &[Filter],
    sort: &[Sort<Field>],
    after: Option<&Cursor>,
    limit: u32,
) -> QueryBuilder<Postgres> {
    // Chosen by their ids first: messages are long, and only those of the page are read.
    let mut builder = QueryBuilder::new("SELECT ");
    builder.push(columns).push(" FROM (SELECT i.incident_id FROM ").push(FROM).push(" WHERE ").push(HAS_RECORD);
    push_filters(&mut builder, filters);
    if let Some(cursor) = after {
        push_after(&mut builder, sort, cursor);
    }
    push_order(&mut builder, sort);
    builder.push(" LIMIT ").push_bind(i64::from(limit).saturating_add(1));
    builder.push(") page JOIN ").push(FROM).push(" ON i.incident_id = page.incident_id");
    // A join does not keep the order.
    push_order(&mut builder, sort);
    builder
}

/// Selects the values of groups, and how many records each has.
pub(super) fn groups(filters: &[Filter], by: &[Field], sort: &[Sort<GroupKey>], limit: u32) -> QueryBuilder<Postgres> {
    let keys: Vec<String> = (0..by.len()).map(|place| format!("k{place}")).collect();
    let mut builder = QueryBuilder::new("SELECT ARRAY[");
    builder.push(keys.join(", ")).push("] AS keys, count(*) AS records FROM (SELECT ");
    let columns: Vec<String> =
        by.iter().zip(&keys).map(|(field, key)| format!("{} AS {key}", column(*field))).collect();
    builder.push(columns.join(", ")).push(" FROM ").push(FROM).push(" WHERE ").push(HAS_RECORD);
    push_filters(&mut builder, filters);
    builder.push(") found GROUP BY ").push(keys.join(", "));
    let mut separator = " ORDER BY ";
    for Sort { key, direction } in sort {
        let key = match key {
            GroupKey::Count => Some("count(*)".to_owned()),
            GroupKey::Field(field) => {
                by.iter().zip(&keys).find(|(of, _)| *of == field).map(|(_, key)| format!("{key} COLLATE \"C\""))
            }
        };
        if let Some(key) = key {
            builder.push(separator).push(key).push(word(*direction)).push(" NULLS LAST");
            separator = ", ";
        }
    }
    builder.push(" LIMIT ").push_bind(i64::from(limit).saturating_add(1));
    builder
}

/// The value of a field in SQL: of the type of its [`Value`]s, and null where the record has null.
fn column(field: Field) -> &'static str {
    match field {
        // As texts: a filter or a cursor may hold what is no id.
        Field::DetailIdentifier | Field::EventIdentifier => "i.incident_id::text",
        Field::EventDate => "i.first_event_at",
        Field::EventName => "f.event_name",
        Field::MetricIdentifier => "f.detector",
        Field::MetricsType => "f.metrics_type",
        Field::Name => "f.title",
        Field::Operation => "f.operation",
        Field::RequestIdentifier => "f.request_identifier",
        Field::RowsProcessed => "f.rows_processed",
        // The same division of the same numbers as that of `Points`, so equal values are equal here, too.
        Field::Score => "(i.risk_score::double precision / 100)",
        Field::Tenant => "i.org_id",
        Field::UserIdentifier => "i.user_id",
        Field::Username => "i.username",
        // The first two are null in all records. No query may name the others: they are marked with no property.
        Field::TenantName
        | Field::Uri
        | Field::QueriedEntities
        | Field::SecurityEventData
        | Field::Summary
        | Field::UserAgent => "NULL::text",
    }
}

/// [`column()`] in the order of the bytes, as Rust compares texts, whatever the collation of the database.
fn ordered(field: Field) -> String {
    match field.description().kind {
        FieldType::DateTime | FieldType::Double => column(field).to_owned(),
        _ => format!("{} COLLATE \"C\"", column(field)),
    }
}

fn push_filters(builder: &mut QueryBuilder<Postgres>, filters: &[Filter]) {
    for Filter { field, test } in filters {
        let column = column(*field);
        builder.push(" AND ");
        match test {
            Test::Equals(value) => {
                builder.push(column).push(" = ");
                push_value(builder, value);
            }
            Test::Differs(value) => {
                builder.push(column).push(" IS DISTINCT FROM ");
                push_value(builder, value);
            }
            Test::OneOf(values) => {
                builder.push(column).push(" IN (");
                for (place, value) in values.iter().enumerate() {
                    builder.push(if place == 0 { "" } else { ", " });
                    push_value(builder, value);
                }
                builder.push(")");
            }
            Test::StartsWith(prefix) => {
                builder.push("starts_with(").push(column).push(", ").push_bind(prefix.clone()).push(")");
            }
            Test::Compares(comparison, value) => {
                let operator = match comparison {
                    Comparison::Less => " < ",
                    Comparison::AtMost => " <= ",
                    Comparison::Greater => " > ",
                    Comparison::AtLeast => " >= ",
                };
                builder.push(column).push(operator);
                push_value(builder, value);
            }
        }
    }
}

/// Keeps the rows after the cursor: more in the first key, or as much in that and more in the second, and so on. Null is
/// more than all values in both directions.
fn push_after(builder: &mut QueryBuilder<Postgres>, sort: &[Sort<Field>], cursor: &Cursor) {
    builder.push(" AND (false");
    let mut open = 1;
    for (Sort { key, direction }, after) in sort.iter().zip(&cursor.after) {
        let (column, ordered) = (column(*key), ordered(*key));
        if let Some(value) = after {
            let operator = match direction {
                Direction::Ascending => " > ",
                Direction::Descending => " < ",
            };
            builder.push(" OR ").push(&ordered).push(operator);
            push_value(builder, value);
            builder.push(" OR ").push(column).push(" IS NULL OR (").push(column).push(" = ");
            push_value(builder, value);
        } else {
            builder.push(" OR (").push(column).push(" IS NULL");
        }
        builder.push(" AND (false");
        open += 2;
    }
    builder.push(")".repeat(open));
}

fn push_order(builder: &mut QueryBuilder<Postgres>, sort: &[Sort<Field>]) {
    for (place, Sort { key, direction }) in sort.iter().enumerate() {
        builder.push(if place == 0 { " ORDER BY " } else { ", " });
        builder.push(ordered(*key)).push(word(*direction)).push(" NULLS LAST");
    }
}

fn word(direction: Direction) -> &'static str {
    match direction {
        Direction::Ascending => " ASC",
        Direction::Descending => " DESC",
    }
}

fn push_value(builder: &mut QueryBuilder<Postgres>, value: &Value) {
    match value {
        Value::Text(text) => builder.push_bind(text.clone()),
        Value::Time(time) => builder.push_bind(time.0),
        Value::Number(number) => builder.push_bind(*number),
        Value::Metrics(metrics) => builder.push_bind(MetricsType::as_str(*metrics)),
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use forms::Query;
    use forms::query::Answer;

    fn sql(pairs: &[(&str, &str)]) -> String {
        let query = Query::parse(pairs.iter().copied()).unwrap();
        let builder = match &query.answer {
            Answer::Records { sort, after, .. } => {
                records("i.incident_id", &query.filters, sort, after.as_ref(), query.limit)
            }
            Answer::Groups { by, sort } => groups(&query.filters, by, sort, query.limit),
        };
        builder.sql().as_str().to_owned()
    }

    #[test]
    fn queries_in_sql() {
        insta::assert_snapshot!("latest_records", sql(&[]));
        let filters = [
            ("Score", "ge:60"),
            ("Username", "like:emma%"),
            ("EventName", "ne:Api Anomaly"),
            ("MetricsType", "in:Volume,Time"),
            ("sort", "-Score,RequestIdentifier"),
            ("limit", "7"),
        ];
        insta::assert_snapshot!("records_by_filters", sql(&filters));
        insta::assert_snapshot!("groups", sql(&[("group", "Tenant,Uri"), ("EventDate", "lt:2026-03-01")]));
    }

    #[test]
    fn what_users_write_is_no_part_of_a_statement() {
        let hostile = "x'); DROP TABLE orgwatch.incidents; --";
        let text = sql(&[("Name", &format!("eq:{hostile}")), ("Operation", &format!("like:{hostile}%"))]);
        assert!(!text.contains("DROP"), "{text}");
    }
}
