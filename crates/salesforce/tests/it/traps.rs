//! Peculiarities of Salesforce's data, one test each.

use crate::support::{one, read, rejected, row, stored};
use model::{Channel, Kind, Scope, SourceIp};

#[test]
fn the_streamed_and_the_stored_copy_are_one_event() {
    let copy = stored("ListViewEvent", r#""ExecutionIdentifier":"e1""#);
    let payload = copy.replace(r#""attributes":{"type":"ListViewEvent"},"#, "");
    let envelope = format!(
        r#"{{"channel":"/event/ListViewEventStream","data":{{"event":{{"replayId":1}},"payload":{payload}}}}}"#
    );
    let (stored, streamed) = (one(&copy), one(&envelope));
    assert_eq!((stored.id, stored.run), (streamed.id, streamed.run));
    assert_eq!((stored.channel, streamed.channel), (Channel::Stored, Channel::Stream));
}

#[test]
fn the_channel_of_an_envelope_takes_precedence_over_the_type() {
    let envelope =
        format!(r#"{{"channel":"/event/ListViewEventStream","data":{{"payload":{}}}}}"#, stored("ListViewEvent", ""));
    assert_eq!(one(&envelope).channel, Channel::Stream);
}

#[test]
fn an_envelope_without_channel_is_identified_by_its_payload() {
    let envelope = format!(r#"{{"data":{{"payload":{}}}}}"#, stored("ReportEvent", ""));
    assert_eq!((one(&envelope).kind, one(&envelope).channel), (Kind::Report, Channel::Stored));
}

#[test]
fn api_event_is_stored_and_api_anomaly_event_is_streamed() {
    assert_eq!((one(&stored("ApiEvent", "")).kind, one(&stored("ApiEvent", "")).channel), (Kind::Api, Channel::Stored));
    let anomaly = one(&stored("ApiAnomalyEvent", ""));
    assert_eq!((anomaly.kind, anomaly.channel), (Kind::ApiAnomaly, Channel::Stream));
    assert_eq!(one(&stored("ApiAnomalyEventStore", "")).channel, Channel::Stored);
}

#[test]
fn the_constant_id_of_stored_rows_is_not_used() {
    let rows = ["RestApiEventLog", "BulkApiEventLog"].map(|kind| {
        one(&format!(
            r#"{{"attributes":{{"type":"{kind}"}},"Id":"000000000000000AAA","Timestamp":"2026-03-02T14:31:00.000+0000","UserIdentifier":"005hn00000EmmaM"}}"#
        ))
    });
    assert_ne!(rows[0].id, rows[1].id);
    assert_eq!(rows[0].channel, Channel::LogObject);
}

#[test]
fn chunks_of_one_execution_share_a_run_and_repeat_its_rows() {
    let chunk = |sequence| {
        one(&stored(
            "ReportEvent",
            &format!(r#""ExecutionIdentifier":"e1","Sequence":{sequence},"RowsProcessed":20680.0"#),
        ))
    };
    let (first, last) = (chunk(1), chunk(51));
    assert_eq!((first.run, first.rows), (last.run, Some(20680)));
    assert_ne!(first.run, None);
    assert_ne!(first.run, one(&stored("ReportEvent", r#""ExecutionIdentifier":"e2""#)).run);
}

#[test]
fn pages_of_one_query_share_a_run_despite_white_space() {
    let page = |operation, query, session| {
        one(&stored("ApiEvent", &format!(r#""Operation":"{operation}","Query":"{query}","SessionKey":"{session}""#)))
            .run
    };
    let first = page("Query", r"SELECT Id\n  FROM Account", "s");
    assert_eq!(first, page("QueryMore", "SELECT Id FROM Account", "s"));
    assert_ne!(first, page("Query", "SELECT Id FROM Contact", "s"));
    assert_ne!(first, page("Query", "SELECT Id FROM Account", "t"));
    assert_eq!(one(&stored("ApiEvent", r#""Operation":"Query""#)).run, None);
}

#[test]
fn r18_rows_may_be_a_double_a_text_minus_one_or_missing() {
    let check = |fields, expect| assert_eq!(one(&stored("ApiEvent", fields)).rows, expect, "{fields}");
    check(r#""RowsProcessed":1000364.0"#, Some(1_000_364));
    check(r#""RowsProcessed":"27""#, Some(27));
    check(r#""RowsProcessed":0.0"#, Some(0));
    check(r#""RowsProcessed":-1"#, None);
    check(r#""RowsProcessed":-1.0"#, None);
    check(r#""RowsProcessed":null"#, None);
    check(r#""RowsProcessed":"NaN""#, None);
    check(r#""RowsProcessed":1e300"#, None);
    check(r#""Operation":"Query""#, None);
}

#[test]
fn rows_returned_is_separate_from_rows() {
    assert_eq!(one(&stored("ApiEvent", r#""RowsProcessed":9.0,"RowsReturned":3.0"#)).rows_returned, Some(3));
    assert_eq!(one(&stored("ApiEvent", r#""RowsProcessed":9.0"#)).rows_returned, None);
}

#[test]
fn every_spelling_of_a_time_is_accepted() {
    let check = |date: &str| {
        let event = stored("LogoutEvent", "").replace(r#""2026-03-02T14:31:52.867+0000""#, date);
        assert_eq!(one(&event).event_time.to_string(), "2026-03-02T14:31:52.867Z", "{date}");
    };
    check("1772461912867");
    check(r#""2026-03-02T14:31:52.867Z""#);
    check(r#""2026-03-02T14:31:52.867+00:00""#);
    check(r#""2026-03-02T20:01:52.867999999+05:30""#);
    check(r#""2026-03-02 14:31:52.867""#);
}

#[test]
fn received_at_is_the_created_date() {
    let event = one(&stored("LogoutEvent", r#""CreatedDate":"2026-03-02T14:31:59.000+0000""#));
    assert_eq!(event.received_at.map(|received| received.since(event.event_time)), Some(6133));
}

#[test]
fn only_time_and_user_are_required() {
    let bare = one(&stored("ListViewEvent", ""));
    assert_eq!((bare.rows, bare.session_key.as_deref(), bare.source_ip), (None, None, None));
    assert_eq!(
        rejected(&stored("ListViewEvent", "").replace("EventDate", "Other")),
        "1: no time: EventDate, TIMESTAMP_DERIVED and TIMESTAMP are missing"
    );
    assert_eq!(
        rejected(&stored("ListViewEvent", "").replace("2026-03-02T", "yesterday ")),
        "1: no time: EventDate is not a time: \"yesterday 14:31:52.867+0000\""
    );
    assert_eq!(
        rejected(&stored("ListViewEvent", "").replace("UserId", "Other")),
        "1: no user: UserId and Username are missing"
    );
}

#[test]
fn a_username_in_any_spelling_identifies_an_account() {
    for name in ["Username", "UserName", "USER_NAME"] {
        let event = stored("UriEvent", &format!(r#""{name}":"Emma@Example.com""#)).replace("\"UserId\"", "\"Other\"");
        assert_eq!(one(&event).user_id.as_str(), "emma@example.com");
    }
}

#[test]
fn the_null_id_is_not_an_account() {
    let event =
        stored("LoginEvent", r#""Username":"emma@example.com""#).replace("005hn00000EmmaMAAR", "000000000000000AAA");
    assert_eq!(one(&event).user_id.as_str(), "emma@example.com");
}

#[test]
fn ids_of_fifteen_characters_are_converted_to_eighteen() {
    let activity =
        one(&row(&[("EVENT_TYPE", "API"), ("USER_ID", "0055f00000CyENt"), ("ORGANIZATION_ID", "00Dhn0000018hrc")]));
    assert_eq!((activity.user_id.as_str(), activity.org_id.as_str()), ("0055f00000CyENtAAN", "00Dhn0000018hrcEAA"));
}

#[test]
fn user_id_may_have_eighteen_characters_already() {
    assert_eq!(
        one(&row(&[("EVENT_TYPE", "Logout"), ("USER_ID", "0055f00000CyENtAAN")])).user_id.as_str(),
        "0055f00000CyENtAAN"
    );
}

#[test]
fn the_derived_user_id_is_preferred() {
    let columns = [("EVENT_TYPE", "API"), ("USER_ID", "0055f00000CyENt"), ("USER_ID_DERIVED", "005hn00000EmmaMAAR")];
    assert_eq!(one(&row(&columns)).user_id.as_str(), "005hn00000EmmaMAAR");
}

#[test]
fn salesforce_com_ip_is_accepted() {
    let ip = |text| one(&stored("ApiEvent", &format!(r#""SourceIp":"{text}""#))).source_ip;
    assert_eq!(ip("Salesforce.com IP"), Some(SourceIp::Salesforce));
    assert_eq!(ip("salesforce.com ip"), Some(SourceIp::Salesforce));
    assert_eq!(ip("2001:db8::1"), Some(SourceIp::Address("2001:db8::1".parse().unwrap())));
    assert_eq!(ip("10.0.0.999"), Some(SourceIp::Other("10.0.0.999".into())));
}

#[test]
fn the_address_of_a_login_is_in_source_ip() {
    let columns = [("EVENT_TYPE", "Login"), ("CLIENT_IP", "Salesforce.com IP"), ("SOURCE_IP", "198.51.100.1")];
    assert_eq!(one(&row(&columns)).source_ip, Some(SourceIp::Address("198.51.100.1".parse().unwrap())));
}

#[test]
fn a_user_agent_may_be_a_number() {
    for value in ["13047000", "\"13047000\""] {
        let activity = one(&stored("ApiEvent", &format!(r#""UserAgent":{value}"#)));
        assert_eq!((activity.user_agent.as_deref(), activity.client), (Some("13047000"), None));
    }
}

#[test]
fn queried_entities_are_a_set() {
    assert_eq!(
        one(&stored("ApiEvent", r#""QueriedEntities":"Account, Contact,Account , ,Case""#)).objects.as_slice(),
        ["Account", "Contact", "Case"]
    );
    assert!(one(&stored("ApiEvent", r#""QueriedEntities":null"#)).objects.is_empty());
}

#[test]
fn scope_is_compared_without_case_and_inferred_where_it_is_missing() {
    let scope = |fields| one(&stored("ListViewEvent", fields)).scope;
    assert_eq!(scope(r#""Scope":"everything""#), Some(Scope::All));
    assert_eq!(scope(r#""Scope":"MineAndMyGroups","DeveloperName":"AllAccounts""#), Some(Scope::Group));
    assert_eq!(scope(r#""DeveloperName":"AllAccounts""#), Some(Scope::All));
    assert_eq!(scope(r#""DeveloperName":"","Name":"My Opportunities""#), Some(Scope::Own));
    assert_eq!(scope(r#""DeveloperName":"RecentlyViewed""#), None);
    assert_eq!(one(&stored("ReportEvent", r#""Scope":"user","Name":"All of it""#)).scope, Some(Scope::Own));
}

#[test]
fn r17_unknown_fields_are_kept_and_bounded() {
    let many: Vec<_> = (0..50).map(|i| format!(r#""New{i}":"{}""#, "é".repeat(500))).collect();
    let activity = one(&stored("ApiEvent", &many.join(",")));
    assert_eq!(activity.attributes.len(), 32);
    assert!(activity.attributes.iter().all(|attribute| attribute.value.len() == 256));
    assert_eq!(
        one(&stored("ApiEvent", r#""NewNumber":1.50,"NewObject":{"a":[1]},"NewNull":null"#))
            .attributes
            .iter()
            .map(|a| a.value.as_str())
            .collect::<Vec<_>>(),
        ["1.50", r#"{"a":[1]}"#]
    );
}

#[test]
fn user_agents_are_bounded() {
    assert_eq!(
        one(&stored("ApiEvent", &format!(r#""UserAgent":"{}""#, "x".repeat(1000)))).user_agent.map(|a| a.len()),
        Some(512)
    );
}

#[test]
fn events_of_other_kinds_are_counted_and_not_rejected() {
    for event in [
        stored("IdentityVerificationEvent", ""),
        stored("EventLogFile", ""),
        row(&[("EVENT_TYPE", "ApexCallout")]),
        row(&[("EVENT_TYPE", "DatabaseSave"), ("NUM_ROWS", "5")]),
    ] {
        let parsed = read(&event);
        assert_eq!((parsed.activities.len(), parsed.rejects.len(), parsed.ignored()), (0, 0, 1), "{event}");
    }
}

#[test]
fn other_records_are_rejected() {
    assert_eq!(rejected(&stored("Account", "")), "1: not an event: the record is of type Account");
    assert_eq!(
        rejected("{\"a\":1}\n"),
        "1: no event type: neither the record nor its envelope, the file's name or the columns say it; give it with --type"
    );
}

#[test]
fn a_record_without_org_needs_one_from_the_context() {
    let text = stored("ApiEvent", "");
    let mut chunks = salesforce::Chunks::new(text.as_bytes(), salesforce::Format::JsonLines);
    let chunk = chunks.next_chunk().unwrap().unwrap();
    let parsed = salesforce::parse(&chunk, &salesforce::Context::default());
    assert_eq!(parsed.rejects[0].reason.to_string(), "no org in the record: pass --org");
    assert_eq!(
        one(&stored("TenantSecurityApiAnomaly", r#""Tenant":"00D5f000005uVo7""#)).org_id.as_str(),
        "00D5f000005uVo7EAE"
    );
}

#[test]
fn decoded_fields_give_the_same_activity() {
    use salesforce::Scalar;
    let fields = [
        ("EventIdentifier", Scalar::Text("7d0c2b1e-4f6a-4c1e-9a70-000000000001".into())),
        ("EventDate", Scalar::Number(1_772_461_912_867.0)),
        ("UserId", Scalar::Text("005hn00000EmmaMAAR".into())),
        ("RowsProcessed", Scalar::Number(7.0)),
        ("IsNew", Scalar::Bool(true)),
    ];
    let decoded = salesforce::from_fields("/event/ReportEventStream", fields.into_iter(), &crate::support::context())
        .unwrap()
        .unwrap();
    let mut read = one(&stored("ReportEvent", r#""RowsProcessed":7.0,"IsNew":true"#));
    read.channel = Channel::Stream;
    assert_eq!(decoded, read);
}

#[test]
fn an_event_after_its_receipt_is_set_aside() {
    let text = stored("ApiEvent", "");
    let read = |received| {
        let received = model::Timestamp::parse(received);
        let mut chunks = salesforce::Chunks::new(text.as_bytes(), salesforce::Format::JsonLines);
        let context = salesforce::Context { received, ..crate::support::context() };
        salesforce::parse(&chunks.next_chunk().unwrap().unwrap(), &context)
    };
    assert_eq!(read("2026-03-02T14:27:00Z").activities.len(), 1, "clocks differ by minutes");
    assert_eq!(
        read("2026-03-02T14:26:00Z").rejects[0].reason.to_string(),
        "no believable time: more than 5 minutes after it was received: 2026-03-02T14:31:52.867Z"
    );
}
