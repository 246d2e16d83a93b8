use super::mmdb::{Value, database};
use super::*;
use fake_org::{Event, FakeOrg, Fault, PermissionSet, Script, Speed};
use ingest::testing::ORG;
use model::{Channel, Kind, SourceIp, Timestamp, UserId, Uuid, id};
use std::io::Write;
use std::net::Ipv4Addr;

pub(super) fn activity(user: &str, address: &str) -> Activity {
    let (id, org, user, at) = (Uuid::nil(), OrgId::new(ORG), UserId::new(user), Timestamp(0));
    let mut activity = Activity::new(id, org, user, at, Channel::Stream, Kind::ListView);
    activity.source_ip = address.parse().ok().map(SourceIp::Address);
    activity
}

fn file(networks: &[(Ipv4Addr, u32, Value)]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&database(networks)).unwrap();
    file
}

fn country(code: &'static str) -> Value {
    Value::Map(vec![("country", Value::Map(vec![("geoname_id", Value::Number(7)), ("iso_code", Value::Text(code))]))])
}

/// Returns databases in which 81.2.69.0/24 is of AS20712 in GB, and 10.0.0.0/8 of AS1 in XX.
fn networks() -> Networks {
    let (public, private) = (Ipv4Addr::new(81, 2, 69, 0), Ipv4Addr::new(10, 0, 0, 0));
    let owner = |number| {
        let organization = ("autonomous_system_organization", Value::Text("Somebody"));
        Value::Map(vec![organization, ("autonomous_system_number", Value::Number(number))])
    };
    let countries = file(&[(public, 24, country("GB")), (private, 8, country("XX"))]);
    let owners = file(&[(public, 24, owner(20_712)), (private, 8, owner(1))]);
    Networks::open(Some(countries.path()), Some(owners.path())).unwrap()
}

#[test]
fn only_absent_fields_of_public_addresses_are_filled() {
    let context = Context::new(Arc::new(networks()));
    let check = |address: &str, expect: (Option<&str>, Option<u32>)| {
        let mut activity = activity("emma", address);
        context.enrich(&mut activity);
        assert_eq!((activity.country.as_deref(), activity.asn), expect, "{address}");
    };
    check("81.2.69.160", (Some("GB"), Some(20_712)));
    check("::ffff:81.2.69.160", (Some("GB"), Some(20_712)));
    check("81.2.70.1", (None, None));
    check("10.1.2.3", (None, None));
    check("2a00:1450::1", (None, None));
    check("Salesforce.com IP", (None, None));

    let mut known = activity("emma", "81.2.69.160");
    (known.country, known.asn) = (Some("FR".into()), Some(3));
    context.enrich(&mut known);
    assert_eq!((known.country.as_deref(), known.asn), (Some("FR"), Some(3)));
}

#[test]
fn a_configured_database_must_be_readable() {
    let mut text = tempfile::NamedTempFile::new().unwrap();
    text.write_all(b"no database").unwrap();
    let error = Networks::open(None, Some(text.path())).unwrap_err();
    assert!(error.to_string().ends_with("not a readable MaxMind database"), "{error}");
    Networks::open(Some("/nowhere.mmdb".as_ref()), None).unwrap_err();
    assert!(format!("{:?}", networks()).contains("Test"));
    assert!(format!("{:?}", Networks::open(None, None).unwrap()).contains("None"));
}

pub(super) fn user_id(number: usize) -> String {
    format!("005hn{number:010}")
}

/// Starts an org of 450 users on pages of 200, and returns it with a client.
pub(super) async fn org(permission_sets: Vec<PermissionSet>) -> (FakeOrg, Client) {
    let event = |number: usize| {
        let (id, uuid) = (user_id(number), Uuid::from_u128(number as u128));
        Event::read(&format!(
            r#"{{"attributes":{{"type":"LoginEvent"}},"EventIdentifier":"{uuid}","EventDate":"2026-03-02T12:00:00.000Z",
                "UserId":"{id}","Username":"user{number}@acme.example","UserType":"{}","ProfileId":"00ehn000000Sale"}}"#,
            if number == 7 { "Guest" } else { "Standard" },
        ))
    };
    let mut script = Script::new(OrgId::new(ORG), (0..450).map(event).collect::<Result<_, _>>().unwrap());
    script.permission_sets = permission_sets;
    script.settings.page = 200;
    script.settings.speed = Speed::Manual;
    let fake = FakeOrg::start(script).await.unwrap();
    let settings = salesforce_client::Settings {
        login_url: fake.login_url(),
        pubsub_url: fake.pubsub_url(),
        client_id: "fake-consumer-key".to_owned(),
        client_secret: Some("fake-consumer-secret".into()),
        ..salesforce_client::Settings::default()
    };
    (fake, Client::new(&settings).unwrap())
}

#[tokio::test]
async fn only_absent_user_fields_are_filled() {
    let (_fake, client) = org(Vec::new()).await;
    let context = Context::default();
    let refreshed = context.refresh(&client, 0.2).await.unwrap();
    assert_eq!((refreshed.users, refreshed.rights), (450, 450));

    let mut absent = activity(&user_id(7), "");
    context.enrich(&mut absent);
    assert_eq!(absent.username.as_deref(), Some("user7@acme.example"));
    assert_eq!(absent.user_type.as_deref(), Some("Guest"));
    assert_eq!(absent.profile_id, Some(id::normalize("00ehn000000Sale")));
    assert_eq!(absent.role_id, None);

    let mut known = activity(&user_id(449), "");
    known.username = Some("as it was then".into());
    context.enrich(&mut known);
    assert_eq!(known.username.as_deref(), Some("as it was then"));
    assert_eq!(known.user_type.as_deref(), Some("Standard"));

    let mut stranger = activity("005hn00000Nobody", "");
    let before = stranger.clone();
    context.enrich(&mut stranger);
    assert_eq!(stranger, before);
}

#[tokio::test]
async fn a_failed_reading_changes_nothing() {
    let (fake, client) = org(Vec::new()).await;
    let context = Context::default();
    context.refresh(&client, 0.2).await.unwrap();
    let knows = || {
        let mut activity = activity(&user_id(449), "");
        context.enrich(&mut activity);
        activity.user_type.is_some()
    };
    fake.control().misbehave(Fault::LocatorExpired);
    assert!(matches!(context.refresh(&client, 0.2).await.unwrap_err(), ContextError::Salesforce(_)));
    assert!(knows());
    fake.control().calm();
    assert!(matches!(context.refresh(&client, 1.0).await.unwrap_err(), ContextError::Calls));
    assert!(knows());
}
