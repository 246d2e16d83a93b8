use super::*;
use crate::testing::{bare, rich};
use crate::{MetricsType, Property, TenantSecurityApiAnomaly};
use model::Timestamp;
use proptest::prelude::*;

fn parse(query: &str) -> Result<Query, QueryError> {
    Query::parse(
        query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, ""))),
    )
}

fn refused(query: &str, reason: &str) {
    assert_eq!(parse(query).unwrap_err().to_string(), reason, "{query}");
}

fn test(query: &str, expect: Test) {
    let query = parse(query).unwrap();
    assert_eq!(query.filters.into_iter().map(|filter| filter.test).collect::<Vec<_>>(), [expect]);
}

fn sort<K>(key: K, direction: Direction) -> Sort<K> {
    Sort { key, direction }
}

#[test]
fn nothing_asked_is_the_latest_records() {
    let sort = vec![sort(Field::EventDate, Direction::Descending), sort(Field::DetailIdentifier, Direction::Ascending)];
    let answer = Answer::Records { fields: Field::ALL.to_vec(), sort, after: None };
    assert_eq!(parse("").unwrap(), Query { filters: vec![], answer, limit: 100 });
}

#[test]
fn filters_have_typed_values() {
    let text = |text: &str| Value::Text(text.to_owned());
    test("Username=eq:emma:1", Test::Equals(text("emma:1")));
    test("Username=ne:", Test::Differs(text("")));
    test("Username=like:emma_%", Test::StartsWith("emma_".to_owned()));
    test("Operation=in:Query,QueryMore", Test::OneOf(vec![text("Query"), text("QueryMore")]));
    test("Score=ge:60.5", Test::Compares(Comparison::AtLeast, Value::Number(60.5)));
    test("RowsProcessed=lt:1e3", Test::Compares(Comparison::Less, Value::Number(1_000.0)));
    let day = Timestamp::parse("2026-03-02").unwrap();
    test("EventDate=gt:2026-03-02", Test::Compares(Comparison::Greater, Value::Time(day)));
    test("EventDate=le:2026-03-02T01:00:00+01:00", Test::Compares(Comparison::AtMost, Value::Time(day)));
    test("MetricsType=eq:Volume", Test::Equals(Value::Metrics(MetricsType::Volume)));
}

#[test]
fn filters_of_one_field_add_up() {
    assert_eq!(parse("Score=ge:60&Score=lt:80").unwrap().filters.len(), 2);
}

#[test]
fn records_are_selected_and_sorted() {
    let query = parse("fields=Username,Score&sort=-Score,Username&limit=1000").unwrap();
    let sort = vec![
        sort(Field::Score, Direction::Descending),
        sort(Field::Username, Direction::Ascending),
        sort(Field::DetailIdentifier, Direction::Ascending),
    ];
    let answer = Answer::Records { fields: vec![Field::Username, Field::Score], sort, after: None };
    assert_eq!(query, Query { filters: vec![], answer, limit: 1_000 });
}

#[test]
fn groups_are_sorted_by_their_counts() {
    let by = vec![Field::EventName, Field::Tenant];
    let check = |query: &str, keys: &[(GroupKey, Direction)]| {
        let sort = keys.iter().map(|(key, direction)| sort(*key, *direction)).collect();
        assert_eq!(parse(query).unwrap().answer, Answer::Groups { by: by.clone(), sort });
    };
    let (name, tenant) = (GroupKey::Field(Field::EventName), GroupKey::Field(Field::Tenant));
    let (up, down) = (Direction::Ascending, Direction::Descending);
    check("group=EventName,Tenant", &[(GroupKey::Count, down), (name, up), (tenant, up)]);
    check("group=EventName,Tenant&sort=-Tenant,count", &[(tenant, down), (GroupKey::Count, up), (name, up)]);
}

#[test]
fn what_the_description_does_not_mark_is_refused() {
    for field in Field::ALL {
        let (name, description) = (field.description().name, field.description());
        for (property, query, done) in [
            (Property::Filter, format!("{name}=eq:1"), "filtered"),
            (Property::Group, format!("group={name}"), "grouped"),
            (Property::Sort, format!("sort=-{name}"), "sorted"),
        ] {
            let expect = format!("{name} cannot be {done}: the object's description does not mark it {property}");
            let error = parse(&query).err().filter(|error| matches!(error, QueryError::NotMarked { .. }));
            let reason = error.map(|error| error.to_string());
            assert_eq!(reason, (!description.has(property)).then_some(expect));
        }
    }
}

#[test]
fn refusals_say_what_to_do() {
    refused("score=eq:1", "score: no such field or parameter; names are case-sensitive, and describe lists the fields");
    refused(
        "Score=60",
        "Score: write an operator and a value, as in Score=eq:value; operators are eq, ne, in, like, lt, le, gt and ge",
    );
    refused("Score=like:6%", "Score: like is not for a double; it may be one of eq, ne, in, lt, le, gt and ge");
    refused("Username=gt:a", "Username: gt is not for a string; it may be one of eq, ne, in and like");
    refused("MetricsType=like:V%", "MetricsType: like is not for a picklist; it may be one of eq, ne and in");
    refused("MetricsType=eq:volume", "MetricsType: \"volume\" is no value of the picklist, which describe lists");
    refused("Score=eq:NaN", "Score: \"NaN\" is no number");
    refused("EventDate=ge:today", "EventDate: \"today\" is no time; write 2026-03-02T14:31:52.867Z or 2026-03-02");
    refused("Username=like:emma", "Username: \"emma\" is no prefix; write some characters and one % after them");
    refused("Username=like:%", "Username: \"%\" is no prefix; write some characters and one % after them");
    refused("Username=eq:a\0", "Username: \"a\\0\" is a text with a zero byte");
    refused("limit=0", "limit: must be a whole number from 1 to 1000");
    refused("limit=5&limit=6", "limit: give it once");
    refused("sort=Score,-Score", "sort: Score is there twice");
    refused("sort=count", "sort: count needs group");
    refused(
        "fields=Nothing",
        "Nothing: no such field or parameter; names are case-sensitive, and describe lists the fields",
    );
    refused("group=Name&sort=Tenant", "sort: with group, it may have the grouped fields and count, not Tenant");
    refused("group=Name&sort=count,count", "sort: count is there twice");
    refused(
        "group=Name&cursor=x",
        "cursor: not together with group, which answers with the grouped fields and their counts in one page",
    );
    let many = vec!["a"; 101].join(",");
    let reason = parse(&format!("Username=in:{many}")).unwrap_err().to_string();
    assert!(reason.ends_with("is a list of more than 100 values"), "{reason}");
}

#[test]
fn a_cursor_continues_after_its_record() {
    let incident = rich();
    let record = TenantSecurityApiAnomaly::of(&bare(&incident));
    let sort_of = |query: &str| match parse(query).unwrap().answer {
        Answer::Records { sort, after, .. } => (sort, after),
        Answer::Groups { .. } => unreachable!(),
    };
    for order in ["sort=-Score,Operation", "sort=EventDate,MetricsType,Username", "limit=5"] {
        let (sort, _) = sort_of(order);
        let (_, after) = sort_of(&format!("{order}&cursor={}", Cursor::encode(&record, &sort)));
        assert_eq!(after.unwrap().after, sort.iter().map(|sort| record.value(sort.key)).collect::<Vec<_>>());
    }
    let (sort, _) = sort_of("sort=-Score");
    let refusal = "cursor: not one of an answer to this sort; leave it out to start from the first record";
    refused(&format!("sort=Score&cursor={}", Cursor::encode(&record, &sort)), refusal);
    refused("cursor=%%", refusal);
}

proptest! {
    #[test]
    fn any_parameters_are_answered_or_refused(
        pairs in prop::collection::vec(
            (
                "(Score|Username|EventDate|MetricsType|Summary|fields|group|sort|limit|cursor|\\PC{0,4})",
                "((eq|ne|in|like|lt|ge):)?(-?Score,)?(count|Username|[0-9-]{1,10}|\\PC{0,9})%?",
            ),
            0..5,
        ),
    ) {
        if let Ok(query) = Query::parse(pairs) {
            prop_assert!((1..=Query::MAX_LIMIT).contains(&query.limit));
            let keys: Vec<Field> = match &query.answer {
                Answer::Records { sort, .. } => sort.iter().map(|sort| sort.key).collect(),
                Answer::Groups { by, .. } => by.clone(),
            };
            prop_assert!(!keys.is_empty());
        }
    }
}
