//! Replicas of services, the partitions of orgs, and the times of incidents, as a session of the console sees them.

use crate::roles::store_of;
use crate::support::{Database, incident, open, org, put_incidents, user};
use model::{OrgId, Timestamp, Uuid};
use secrecy::SecretString;
use sqlx::PgConnection;
use std::time::Duration;
use store::{
    DeliveryKey, IncidentTimes, IncidentWrite, Owner, PlacedOrg, Replica, Retention, StateEntry, Store, StoredReplica,
};

fn replica(service: &str, instance: &str, version: &str) -> Replica {
    Replica {
        service: service.into(),
        instance: instance.into(),
        version: version.into(),
        settings_hash: Some("hash".into()),
    }
}

async fn replicas(store: &Store) -> Vec<StoredReplica> {
    store.visit(&SecretString::from("")).await.unwrap().replicas().await.unwrap()
}

/// Moves the reports of a service back in time.
async fn age(connection: &mut PgConnection, service: &str, seconds: i32) {
    sqlx::query(
        "UPDATE orgwatch.services SET seen_at = seen_at - make_interval(secs => $2),
             started_at = started_at - make_interval(secs => $2) WHERE service = $1",
    )
    .bind(service)
    .bind(seconds)
    .execute(connection)
    .await
    .unwrap();
}

/// Makes a token for an org, and returns its secret.
async fn session(database: &Database, org: &str) -> SecretString {
    let secret = format!("secret of {org}");
    let made = "SELECT orgwatch.create_token(gen_random_uuid(), sha256($1::text::bytea), 'a test',
                    now() + interval '1 day', jsonb_build_object($2::text, 'viewer'))::text";
    sqlx::query(made).bind(&secret).bind(org).execute(&mut database.connection().await).await.unwrap();
    SecretString::from(secret)
}

#[tokio::test]
async fn each_service_reports_itself_and_is_gone_when_it_stops() {
    let (database, _store) = Database::migrated().await;
    let console = store_of(&database, "console").await;
    for service in ["ingest", "baseline", "detector", "correlator", "notifier", "console"] {
        let store = store_of(&database, service).await;
        let own = replica(service, "pod/1", "1.0.0");
        let started_at = store.put_replica(&own, None).await.unwrap();
        let again = store.put_replica(&replica(service, "pod/1", "1.0.1"), Some(started_at)).await.unwrap();
        assert_eq!(again, started_at, "{service}");
        let seen = replicas(&console).await;
        assert_eq!(seen.len(), 1, "{service}");
        assert_eq!((&seen[0].replica.version[..], seen[0].started_at, seen[0].is_silent), ("1.0.1", started_at, false));
        assert!(seen[0].seen_at >= started_at, "{service}");
        store.remove_replica(&own, started_at).await.unwrap();
        assert_eq!(replicas(&console).await, [], "{service}");
    }
}

#[tokio::test]
async fn a_replica_that_is_not_seen_is_silent_and_then_deleted() {
    let (database, store) = Database::migrated().await;
    let mut connection = database.connection().await;
    for service in ["baseline", "detector", "ingest"] {
        store.put_replica(&replica(service, "pod/1", "1.0.0"), None).await.unwrap();
    }
    age(&mut connection, "baseline", 170).await;
    age(&mut connection, "detector", 190).await;
    let is_silent = |seen: Vec<StoredReplica>| -> Vec<(String, bool)> {
        seen.into_iter().map(|seen| (seen.replica.service, seen.is_silent)).collect()
    };
    let expect = [("baseline", false), ("detector", true), ("ingest", false)];
    assert_eq!(is_silent(replicas(&store).await), expect.map(|(service, silent)| (service.to_owned(), silent)));

    age(&mut connection, "detector", 86_400 - 200).await;
    let correlator = store_of(&database, "correlator").await;
    let keep = async || {
        let now = Timestamp::parse("2026-03-02").unwrap();
        correlator.housekeeping(now, &Retention::default()).await.unwrap().unwrap().replicas_deleted
    };
    assert_eq!(keep().await, 0, "not a day yet");
    age(&mut connection, "detector", 20).await;
    assert_eq!(keep().await, 1);
    assert_eq!(replicas(&store).await.len(), 2);
}

#[tokio::test]
async fn a_replica_that_stops_leaves_the_row_of_its_successor() {
    let (database, store) = Database::migrated().await;
    let own = replica("baseline", "pod/1", "1.0.0");
    let started_at = store.put_replica(&own, None).await.unwrap();
    age(&mut database.connection().await, "baseline", 60).await;
    let later = store.put_replica(&own, None).await.unwrap();
    assert!(later >= started_at);
    store.remove_replica(&own, started_at.plus(-60_000)).await.unwrap();
    assert_eq!(replicas(&store).await.len(), 1);
    store.remove_replica(&own, later).await.unwrap();
    assert_eq!(replicas(&store).await, []);
}

#[tokio::test]
async fn partitions_show_the_orgs_of_the_session_alone() {
    let (database, _store) = Database::migrated().await;
    let other = OrgId::new("00D000000000009");
    let owner = Owner::connect(&database.settings(), "baseline", "test", 1).await.unwrap();
    let entry = |org: &OrgId, key: &str| StateEntry { org_id: org.clone(), key: key.into(), bytes: vec![1] };
    for (partition, orgs) in [(3, vec![org(), other.clone()]), (5, vec![other.clone()]), (7, vec![org()])] {
        assert!(owner.try_acquire(partition).await.unwrap());
        let entries: Vec<StateEntry> = orgs.iter().flat_map(|org| [entry(org, "a"), entry(org, "b")]).collect();
        owner.checkpoint(partition, 40 + partition as u64, &entries, &[], &[], &[]).await.unwrap();
    }
    sqlx::query("DELETE FROM orgwatch.checkpoints WHERE partition = 7")
        .execute(&mut database.connection().await)
        .await
        .unwrap();
    let console = store_of(&database, "console").await;
    let placed = async |secret: &SecretString| -> Vec<(i32, OrgId, Option<u64>, bool)> {
        let found = console.visit(secret).await.unwrap().placed_orgs().await.unwrap();
        let row = |placed: PlacedOrg| (placed.partition, placed.org_id, placed.applied, placed.checkpoint_at.is_some());
        found.into_iter().map(row).collect()
    };
    let own = session(&database, org().as_str()).await;
    assert_eq!(placed(&own).await, [(3, org(), Some(43), true), (7, org(), None, false)]);
    let all = session(&database, "*").await;
    let expect = [(3, org(), 43), (3, other.clone(), 43), (5, other, 45)];
    let mut expect: Vec<_> = expect.map(|(partition, org, applied)| (partition, org, Some(applied), true)).into();
    expect.push((7, org(), None, false));
    expect.sort();
    assert_eq!(placed(&all).await, expect);
    assert_eq!(placed(&SecretString::from("wrong")).await, []);
}

#[tokio::test]
async fn the_times_of_incidents_are_those_of_their_opening() {
    let (database, store) = Database::migrated().await;
    let emma = user("emma");
    let key =
        |id: u128, revision| DeliveryKey { incident_id: Uuid::from_u128(id), revision, destination: "chat".into() };
    let incidents: Vec<_> = (1..=3)
        .map(|id| {
            let mut incident = incident(id, &emma);
            incident.last_event_at = Timestamp(1_000_000 + i64::try_from(id).unwrap());
            incident
        })
        .collect();
    let written: Vec<IncidentWrite> = incidents.iter().cloned().map(open).collect();
    put_incidents(&store, &emma, &written).await;
    let lease = Duration::from_secs(60);
    // The first is delivered, the second only after it has grown.
    for key in [key(1, 1), key(2, 2)] {
        store.claim(&key, lease).await.unwrap();
        assert!(store.confirmed(&key).await.unwrap());
    }
    let secret = session(&database, emma.0.as_str()).await;
    let times = async |limit| store.visit(&secret).await.unwrap().incident_times(&emma.0, limit).await.unwrap();
    let found: Vec<IncidentTimes> = times(9).await;
    let delivered: Vec<bool> = found.iter().map(|times| times.delivered_at.is_some()).collect();
    assert_eq!(delivered, [false, false, true], "the latest first");
    assert_eq!(found[2].first_event_at, incidents[0].first_event_at);
    assert!(found[2].delivered_at >= Some(found[2].opened_at), "{found:?}");
    assert_eq!(times(2).await, found[..2]);
    let none = store.visit(&SecretString::from("wrong")).await.unwrap().incident_times(&emma.0, 9).await.unwrap();
    assert_eq!(none, []);
}
