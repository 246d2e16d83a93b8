use crate::support::Database;

#[tokio::test]
async fn settings_are_stored_once_under_their_hash() {
    let (_database, store) = Database::migrated().await;
    store.put_settings("a", "first").await.unwrap();
    store.put_settings("a", "second").await.unwrap();
    let hashes = ["a".into(), "b".into(), "\0".into()];
    assert_eq!(store.settings(&hashes).await.unwrap(), [("a".into(), "first".to_owned())]);
    let mut correlation = store.correlate(&[]).await.unwrap();
    assert_eq!(correlation.settings(&hashes).await.unwrap().len(), 1);
    assert_eq!(store.login().await.unwrap(), "postgres");
}
