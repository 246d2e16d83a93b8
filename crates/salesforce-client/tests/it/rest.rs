//! Tests of queries, descriptions, limits and downloads.

use crate::org::Org;
use futures::{StreamExt, TryStreamExt};
use model::Timestamp;
use salesforce_client::{Client, Error, Limits, Settings, Trouble, Usage};

fn file(id: &str) -> String {
    format!("/services/data/v64.0/sobjects/EventLogFile/{id}/LogFile")
}

#[tokio::test]
async fn a_query_is_read_page_by_page() {
    let org = Org::start().await;
    let client = org.client();
    let soql = "SELECT Id FROM LoginEvent WHERE EventDate >= 2026-03-02T14:00:00Z AND UserType = 'a+b & c%'";
    let first = client.query(soql, 5).await.unwrap();
    assert_eq!(first.records, 2);
    let last = client.more(&first.next.unwrap()).await.unwrap();
    assert_eq!((last.records, last.next), (1, None));
    client.query(soql, 2_000).await.unwrap();
    let asked = |batch: &str| (soql.to_owned(), format!("batchSize={batch}"));
    assert_eq!(*org.state.queries.lock().unwrap(), [asked("200"), asked("2000")]);
}

#[tokio::test]
async fn answers_carry_the_orgs_time_and_usage() {
    let org = Org::start().await;
    let client = org.client();
    assert_eq!((client.usage(), client.server_time()), (None, None));
    client.query("SELECT Id FROM LoginEvent", 200).await.unwrap();
    assert_eq!(client.usage(), Some(Usage { used: 18, max: 5_000 }));
    assert_eq!(client.server_time(), Timestamp::parse("2026-03-02T14:31:52Z"));
    assert_eq!(client.limits().await.unwrap(), Limits { daily_max: 5_000, daily_remaining: 4_981 });
    assert_eq!(client.clone().usage(), Some(Usage { used: 18, max: 5_000 }));
}

#[tokio::test]
async fn missing_objects_and_expired_cursors_are_classified() {
    let org = Org::start().await;
    let client = org.client();
    assert!(client.describe("LoginEvent").await.unwrap().is_queryable);
    assert_eq!(client.describe("FileEventStore").await.unwrap_err().trouble(), Trouble::Denied);
    let late = client.more("/services/data/v64.0/query/01g-9").await.unwrap_err();
    assert_eq!(late.trouble(), Trouble::Cursor);
}

#[tokio::test]
async fn a_token_is_only_sent_to_its_instance() {
    let (org, other) = (Org::start().await, Org::start().await);
    let client = org.client();
    let elsewhere = |path: String| {
        let client = client.clone();
        async move { client.download(&path).await.map(drop).unwrap_err().to_string() }
    };
    let away = "download: the answer is not as expected: the path leads to another host than the instance";
    assert_eq!(elsewhere(format!("{}{}", other.url, file("whole"))).await, away);
    assert_eq!(elsewhere("//127.0.0.2/services".to_owned()).await, away);
    assert_eq!(elsewhere("file:///etc/passwd".to_owned()).await, away);
    assert!(client.download(&format!("{}{}", org.url, file("whole"))).await.is_ok());
    let redirected = client.more("/services/data/v64.0/query/elsewhere").await.unwrap_err();
    assert_eq!(redirected.to_string(), "query: HTTP 302: Found");
}

#[tokio::test]
async fn a_file_is_streamed_in_parts() {
    let org = Org::start().await;
    let parts = org.client().download(&file("whole")).await.unwrap();
    let whole: Vec<u8> = parts.map_ok(|part| part.to_vec()).try_concat().await.unwrap();
    assert_eq!(whole, b"one,two,three");
}

#[tokio::test]
async fn a_truncated_file_ends_with_an_error() {
    let org = Org::start().await;
    let mut parts = org.client().download(&file("broken")).await.unwrap();
    assert!(parts.next().await.unwrap().is_ok());
    org.state.breaks.notify_one();
    let error = parts.try_for_each(async |_| Ok(())).await.unwrap_err();
    assert!(matches!(error, Error::Transport { call: "download", .. }), "{error:?}");
    assert_eq!(error.trouble(), Trouble::Passing);
}

#[tokio::test]
async fn a_stalled_file_times_out() {
    let org = Org::start().await;
    let client = Client::new(&Settings { timeout_seconds: 1, ..org.settings() }).unwrap();
    let mut parts = client.download(&file("stalled")).await.unwrap();
    assert!(parts.next().await.unwrap().is_ok());
    let error = parts.try_for_each(async |_| Ok(())).await.unwrap_err();
    assert!(matches!(error, Error::Silent { call: "download", seconds: 1 }), "{error:?}");
}

#[tokio::test]
async fn an_unreachable_org_is_a_transient_failure() {
    let org = Org::start().await;
    let client = org.client();
    drop(org);
    assert_eq!(client.identity().await.unwrap_err().trouble(), Trouble::Passing);
}
