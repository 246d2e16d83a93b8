//! What a disposition does to days that are held back, by what baseline has stored.

use super::site::{ORG, START, Site, id};
use model::{Activity, Channel, Kind, OrgId, Timestamp, UserId, Uuid};
use serde_json::json;
use store::{Owner, Settings, StateEntry};

#[tokio::test]
async fn what_becomes_of_held_days_is_said() {
    let site = Site::new().await;
    let one = id(1);
    let days = async |was: &str| {
        let dry = site.json(&format!("decide {one} {was} --reason a --dry-run")).await["effects"][0].clone();
        (dry["held_days"].as_str().unwrap().to_owned(), dry["days"].clone())
    };
    let unknown = "not known: baseline has stored nothing of the account yet".to_owned();
    assert_eq!(days("benign").await, (unknown, json!([])));

    // Emma's open day is that of the incident.
    let mut org = profile::Org::new(OrgId::new(ORG), &profile::Settings::default()).unwrap();
    let (channel, kind) = (Channel::Stream, Kind::ListView);
    let at = Timestamp(START + 3_600_000);
    let activity = Activity::new(Uuid::from_u128(7), OrgId::new(ORG), UserId::new("emma"), at, channel, kind);
    org.observe(&activity, &mut Vec::new());
    let records = org.take_changes().unwrap().into_iter().filter_map(|record| Some((record.key, record.bytes?)));
    let entries = records.map(|(key, bytes)| StateEntry { org_id: OrgId::new(ORG), key, bytes });
    let settings = Settings { url: site.postgres.url().into(), ..Settings::default() };
    let owner = Owner::connect(&settings, "test", "test", 2).await.unwrap();
    assert!(owner.try_acquire(2).await.unwrap());
    owner.checkpoint(2, 1, &entries.collect::<Vec<_>>(), &[], &[], &[]).await.unwrap();
    owner.close().await.unwrap();

    let day = |becomes: &str| json!([{ "date": "2024-10-04", "becomes": becomes }]);
    let said = "never learns 1 day: 2024-10-04".to_owned();
    assert_eq!(days("malicious").await, (said, day("never_learned")));
    assert_eq!(days("benign").await, ("releases 1 day: 2024-10-04".to_owned(), day("released")));
    assert_eq!(days("suspicious").await, ("none of that time".to_owned(), json!([])));
    assert_eq!(days("malicious --no-teach").await, ("all stay as they are".to_owned(), json!([])));
    assert_eq!(site.json(&format!("incident show {one}")).await["held_days"], json!([]), "it is open");
}
