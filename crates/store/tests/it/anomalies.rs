//! Queries of records give in SQL what filtering and sorting the records in Rust gives.
#![expect(clippy::indexing_slicing, clippy::panic, reason = "a test that cannot go on fails")]

use crate::support::{Database, finding, incident, open, stored};
use forms::query::{Answer, Comparison, Direction, Filter, GroupKey, Query, Sort, Test, Value};
use forms::tenant::Field;
use forms::{Facts, Property, Subject, TenantSecurityApiAnomaly};
use model::{
    Activity, Channel, Evidence, Finding, Incident, Kind, OrgId, Points, Surface, Term, TermKind, Timestamp, UserId,
    Uuid,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use secrecy::SecretString;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use store::{Anomaly, IncidentWrite, Status, Store};

/// Texts that collations, patterns and casts would treat in their own way.
const ODD: [&str; 8] = ["emma@a.example", "Emma", "émile", "_a", "a", "a%b", "Z", "\\"];

/// What a random incident is made of.
type Made = (u128, usize, usize, Option<usize>, usize, Option<Surface>, i32, i64, Option<Seen>, usize);
/// Operation, request and rows of an activity.
type Seen = (Option<usize>, Option<usize>, Option<u64>);

fn made() -> impl Strategy<Value = Made> {
    let seen = (proptest::option::of(0..ODD.len()), proptest::option::of(0..ODD.len()), proptest::option::of(0_u64..4));
    (
        any::<u128>(),
        0..2_usize,
        0..3_usize,
        proptest::option::of(0..ODD.len()),
        0..4_usize,
        proptest::option::of(prop_oneof![Just(Surface::Api), Just(Surface::Report)]),
        prop_oneof![0..=10_000_i32, Just(7_250), Just(7_249)],
        0..4_i64,
        proptest::option::of(seen),
        0..8_usize,
    )
}

fn written((id, org, user, name, detector, surface, points, at, seen, status): Made) -> (IncidentWrite, Finding) {
    let account = (OrgId::new(&format!("00Dhn000001{org}hrcMAU")), UserId::new(&format!("005hn00000{}", ODD[user])));
    let evidence = seen.map(|(operation, request, rows)| {
        let (org, user) = account.clone();
        Evidence::of(&Activity {
            operation: operation.map(|text| ODD[text].into()),
            request_id: request.map(|text| ODD[text].into()),
            rows,
            ..Activity::new(Uuid::from_u128(9), org, user, Timestamp(at), Channel::Stream, Kind::Api)
        })
    });
    let detector = ["row_spike", "off_hours", "new_app", "from_the_future"][detector];
    let leading = Finding { detector: detector.into(), surface, ..finding(id.wrapping_add(1), &account) };
    let term = Term {
        kind: TermKind::Finding,
        name: detector.into(),
        finding_id: Some(leading.finding_id),
        score: 1.0,
        weight: 1.0,
        decay: 1.0,
        damping: 1.0,
        multiplier: 1.0,
        points: Points(points),
        reason: String::new(),
    };
    let mut incident = Incident {
        username: name.map(|name| ODD[name].into()),
        risk_score: Points(points),
        severity: Points(points).severity(),
        first_event_at: Timestamp(at),
        findings: vec![leading.clone()],
        ..incident(id, &account)
    };
    incident.receipt.terms = vec![term];
    let (status, merged_into) = match status {
        0 => (Status::Merged, Some(Uuid::from_u128(1))),
        1 => (Status::Withdrawn, None),
        _ => (Status::Open, None),
    };
    let write = IncidentWrite { status, merged_into, ..open(incident) };
    (write, Finding { evidence: evidence.into_iter().collect(), ..leading })
}

async fn put(store: &Store, write: &IncidentWrite, finding: &Finding) {
    let account = (write.incident.org_id.clone(), write.incident.user_id.clone());
    let mut correlation = store.correlate(&[account]).await.unwrap();
    correlation.put_findings(&[stored(finding.clone())]).await.unwrap();
    correlation.put_incidents(std::slice::from_ref(write)).await.unwrap();
    correlation.commit().await.unwrap();
}

fn record(write: &IncidentWrite, finding: &Finding) -> TenantSecurityApiAnomaly {
    let (incident, evidence, status) = (&write.incident, finding.evidence.as_slice(), write.status);
    let subject = Subject { incident, evidence, status, tenant_name: None, link: None };
    TenantSecurityApiAnomaly::of(&Facts::of(subject).unwrap())
}

fn order(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        (Value::Time(a), Value::Time(b)) => a.cmp(b),
        (Value::Number(a), Value::Number(b)) => a.partial_cmp(b).unwrap(),
        (Value::Metrics(a), Value::Metrics(b)) => a.as_str().cmp(b.as_str()),
        _ => panic!("values of one field have one type"),
    }
}

/// Nulls come last in both directions.
fn directed<T>(a: Option<T>, b: Option<T>, direction: Direction, order: impl Fn(&T, &T) -> Ordering) -> Ordering {
    match (a, b) {
        (None, None) => Ordering::Equal,
        (None, _) => Ordering::Greater,
        (_, None) => Ordering::Less,
        (Some(a), Some(b)) if direction == Direction::Ascending => order(&a, &b),
        (Some(a), Some(b)) => order(&b, &a),
    }
}

fn passes(record: &TenantSecurityApiAnomaly, filter: &Filter) -> bool {
    let Some(value) = record.value(filter.field) else { return matches!(filter.test, Test::Differs(_)) };
    match &filter.test {
        Test::Equals(other) => order(&value, other).is_eq(),
        Test::Differs(other) => order(&value, other).is_ne(),
        Test::OneOf(others) => others.iter().any(|other| order(&value, other).is_eq()),
        Test::StartsWith(prefix) => matches!(value, Value::Text(text) if text.starts_with(prefix)),
        Test::Compares(comparison, other) => match comparison {
            Comparison::Less => order(&value, other).is_lt(),
            Comparison::AtMost => order(&value, other).is_le(),
            Comparison::Greater => order(&value, other).is_gt(),
            Comparison::AtLeast => order(&value, other).is_ge(),
        },
    }
}

/// Random parameters of a query; those that are refused are left out.
fn asked(records: &[TenantSecurityApiAnomaly]) -> impl Strategy<Value = Vec<(String, String)>> {
    let marked = |property: Property| {
        let fields = Field::ALL.iter().copied().filter(move |field| field.description().has(property));
        proptest::sample::select(fields.collect::<Vec<_>>())
    };
    let records = records.to_vec();
    let filter =
        (marked(Property::Filter), any::<proptest::sample::Index>(), any::<proptest::sample::Index>(), 0..9_usize);
    let filter = filter.prop_map(move |(field, record, odd, operator)| {
        let value = record.get(&records).value(field).map(|value| value.to_string());
        let value = value.unwrap_or_else(|| (*odd.get(&ODD)).to_owned());
        let operator = ["eq", "ne", "in", "like", "lt", "le", "gt", "ge", "odd"][operator];
        let value = match operator {
            "in" => format!("in:{value},{}", odd.get(&["1", "0.07", "2026-01-01", "Volume", "00000000-"])),
            "like" => format!("like:{}%", value.chars().take(2).collect::<String>()),
            "odd" => format!("eq:{}", odd.get(&ODD)),
            operator => format!("{operator}:{value}"),
        };
        (field.description().name.to_owned(), value)
    });
    let sorted = proptest::collection::vec((marked(Property::Sort), any::<bool>()), 0..4).prop_map(|keys| {
        let key = |(field, down): (Field, bool)| format!("{}{}", if down { "-" } else { "" }, field.description().name);
        keys.into_iter().map(key).collect::<Vec<_>>().join(",")
    });
    let grouped = proptest::collection::vec(marked(Property::Group), 1..4)
        .prop_map(|by| by.into_iter().map(|field| field.description().name).collect::<Vec<_>>().join(","));
    let limit = 1..20_u32;
    (proptest::collection::vec(filter, 0..3), sorted, proptest::option::weighted(0.3, grouped), limit).prop_map(
        |(mut pairs, sort, group, limit)| {
            match group {
                Some(group) => pairs.push(("group".to_owned(), group)),
                None if sort.is_empty() => {}
                None => pairs.push(("sort".to_owned(), sort)),
            }
            pairs.push(("limit".to_owned(), limit.to_string()));
            pairs
        },
    )
}

fn sorted(records: &[TenantSecurityApiAnomaly], filters: &[Filter], sort: &[Sort<Field>]) -> Vec<Uuid> {
    let mut kept: Vec<_> =
        records.iter().filter(|record| filters.iter().all(|filter| passes(record, filter))).collect();
    kept.sort_by(|a, b| {
        let by = |sort: &Sort<Field>| directed(a.value(sort.key), b.value(sort.key), sort.direction, order);
        sort.iter().map(by).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    });
    kept.into_iter().map(|record| record.detail_identifier).collect()
}

type Grouped = (Vec<Option<String>>, u64);

fn grouped(
    records: &[TenantSecurityApiAnomaly],
    filters: &[Filter],
    by: &[Field],
    sort: &[Sort<GroupKey>],
) -> Vec<Grouped> {
    let mut counts: BTreeMap<Vec<Option<String>>, u64> = BTreeMap::new();
    for record in records.iter().filter(|record| filters.iter().all(|filter| passes(record, filter))) {
        let values = by.iter().map(|field| record.value(*field).map(|value| value.to_string())).collect();
        *counts.entry(values).or_default() += 1;
    }
    let mut groups: Vec<Grouped> = counts.into_iter().collect();
    groups.sort_by(|a, b| {
        let compare = |sort: &Sort<GroupKey>| match sort.key {
            GroupKey::Count => directed(Some(a.1), Some(b.1), sort.direction, u64::cmp),
            GroupKey::Field(field) => {
                let place = by.iter().position(|of| *of == field).unwrap();
                directed(a.0[place].clone(), b.0[place].clone(), sort.direction, String::cmp)
            }
        };
        sort.iter().map(compare).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    });
    groups
}

/// Asks page after page.
async fn pages(store: &Store, pairs: &[(String, String)]) -> Vec<Uuid> {
    let mut visit = store.visit(&SecretString::from(SECRET)).await.unwrap();
    let (mut found, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let pairs = pairs.iter().cloned().chain(cursor.map(|cursor| ("cursor".to_owned(), cursor)));
        let query = Query::parse(pairs).unwrap();
        let Answer::Records { sort, after, .. } = query.answer else { panic!("groups have no pages") };
        let page = visit.anomalies(&query.filters, &sort, after.as_ref(), query.limit).await.unwrap();
        assert!(page.found.len() <= usize::try_from(query.limit).unwrap());
        found.extend(page.found.iter().map(|anomaly| anomaly.incident.incident_id));
        if !page.has_more {
            return found;
        }
        let of = |anomaly: &Anomaly| TenantSecurityApiAnomaly::of(&Facts::of(anomaly.subject()).unwrap());
        cursor = page.found.last().map(|last| forms::query::Cursor::encode(&of(last), &sort));
    }
}

/// Of a session that sees all orgs.
const SECRET: &str = "orgwatch_test";

#[tokio::test]
async fn sql_answers_as_filtering_and_sorting_the_records_does() {
    let (database, store) = Database::migrated().await;
    let token = "SELECT orgwatch.create_token(gen_random_uuid(), sha256(convert_to($1, 'UTF8')), 'test',
                     now() + interval '1 day', '{\"*\": \"viewer\"}')";
    sqlx::query(token).bind(SECRET).execute(&mut database.connection().await).await.unwrap();
    let mut runner = TestRunner::deterministic();
    let mut records = Vec::new();
    for _ in 0..120 {
        let (write, finding) = written(made().new_tree(&mut runner).unwrap().current());
        put(&store, &write, &finding).await;
        if write.status == Status::Open {
            records.push(record(&write, &finding));
        }
    }
    assert!(records.len() > 60, "{}", records.len());
    let asked = asked(&records);
    let (mut answered, mut groups, mut rows) = (0, 0, 0);
    for _ in 0..1_000 {
        let pairs = asked.new_tree(&mut runner).unwrap().current();
        let Ok(query) = Query::parse(pairs.clone()) else { continue };
        answered += 1;
        match query.answer {
            Answer::Records { sort, .. } => {
                let expect = sorted(&records, &query.filters, &sort);
                rows += expect.len();
                assert_eq!(pages(&store, &pairs).await, expect, "{pairs:?}");
            }
            Answer::Groups { by, sort } => {
                groups += 1;
                let mut visit = store.visit(&SecretString::from(SECRET)).await.unwrap();
                let (found, has_more) = visit.anomaly_groups(&query.filters, &by, &sort, query.limit).await.unwrap();
                let found: Vec<Grouped> = found.into_iter().map(|group| (group.values, group.records)).collect();
                let expect = grouped(&records, &query.filters, &by, &sort);
                let limit = usize::try_from(query.limit).unwrap();
                assert_eq!(has_more, expect.len() > limit, "{pairs:?}");
                assert_eq!(found, expect.into_iter().take(limit).collect::<Vec<_>>(), "{pairs:?}");
            }
        }
    }
    assert!(answered > 300 && groups > 50 && rows > 1_000, "{answered} {groups} {rows}");
}

#[tokio::test]
async fn rows_of_an_earlier_version_are_filled() {
    let (database, store) = Database::migrated().await;
    let seen = Some((Some(1), Some(2), Some(3)));
    let (write, finding) = written((500, 0, 0, Some(0), 0, Some(Surface::Api), 7_250, 1, seen, 7));
    put(&store, &write, &finding).await;
    let columns = "SELECT concat_ws('|', i.leading_finding_id, f.event_name, f.metrics_type, f.title, f.operation,
                       f.request_identifier, f.rows_processed)
                   FROM orgwatch.incidents i, orgwatch.findings f";
    let mut connection = database.connection().await;
    let before: String = sqlx::query_scalar(columns).fetch_one(&mut connection).await.unwrap();
    assert_eq!(before, format!("{}|Api Anomaly|Volume|Row spike|Emma|émile|3", finding.finding_id));
    let older = "UPDATE orgwatch.incidents SET facets = NULL, leading_finding_id = NULL;
                 UPDATE orgwatch.findings SET event_name = NULL, metrics_type = NULL, title = NULL, operation = NULL,
                     request_identifier = NULL, rows_processed = NULL";
    sqlx::raw_sql(older).execute(&mut connection).await.unwrap();
    let mut filled = 0;
    loop {
        match store.fill_facets(10).await.unwrap() {
            0 => break,
            more => filled += more,
        }
    }
    assert_eq!(filled, 2, "the finding, then the incident");
    let after: String = sqlx::query_scalar(columns).fetch_one(&mut connection).await.unwrap();
    assert_eq!(after, before);
}
