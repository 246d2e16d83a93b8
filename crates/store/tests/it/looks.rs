//! What logins have seen of incidents.

use crate::roles::store_of;
use crate::support::{Database, incident, open, put_incidents, user};
use model::Uuid;

#[tokio::test]
async fn a_look_is_of_one_login_and_never_goes_back() {
    let (database, store) = Database::migrated().await;
    let emma = user("emma");
    put_incidents(&store, &emma, &[open(incident(1, &emma)), open(incident(10, &emma))]).await;
    let (one, both) = (Uuid::from_u128(1), [Uuid::from_u128(1), Uuid::from_u128(10)]);
    let operator = store_of(&database, "operator").await;
    assert!(operator.looks(&both).await.unwrap().is_empty());
    for (revision, expect) in [(3, 3), (2, 3), (4, 4)] {
        operator.look(one, revision).await.unwrap();
        assert_eq!(operator.looks(&both).await.unwrap(), [(one, expect)].into());
    }
    assert!(store.looks(&both).await.unwrap().is_empty(), "another login");
}
