//! What is new to an account on the open day, on a closed one and on a held one, in the stored state.

use super::*;
use model::Disposition;

/// Observes two activities of an account that has only known one network, client, country and app.
fn observe_news(org: &mut Org, n: u128, at: &str) {
    for (n, country) in [(n, "DE"), (n + 1, "BR")] {
        let mut new = activity(n, "emma", Timestamp::parse(at).unwrap().plus(n as i64), Kind::Api);
        new.source_ip = Some(SourceIp::Address([203, 0, n as u8, 1].into()));
        new.client = Some(format!("client {n}").into());
        (new.country, new.connected_app) = (Some(country.into()), Some(format!("app {n}").into()));
        assert!(matches!(org.observe(&new, &mut Vec::new()), ActivityOutcome::Learned | ActivityOutcome::Late));
    }
}

#[test]
fn news_are_stored_and_restored() {
    let mut org = small_org();
    observe_news(&mut org, 40, "2026-04-06T20:00:00Z");
    let said = Some(Disposition::Malicious);
    org.dispose(&UserId::new("emma"), Timestamp(0), Timestamp(i64::MAX), said);
    observe_news(&mut org, 50, "2026-04-08T08:00:00Z");
    observe_news(&mut org, 60, "2026-04-07T20:00:00Z");
    let mut table = Table::new();
    apply(&mut table, org.take_changes().unwrap());
    assert_eq!(table["user/emma"][0], 9, "version");
    let of_emma = Table::from([("user/emma".to_owned(), table["user/emma"].clone())]);
    insta::assert_snapshot!("version_9", golden::text(&of_emma));
    let again = restore(&org_id(), &table);
    assert!(dump(again, &table) == whole(org));
}
