use crate::support::{Database, decision, finding, incident, open, org, put_user_days, stored, user, user_day};
use model::codec::Message;
use model::{OrgId, Points, Ruling, Severity, Timestamp, UserClass, UserId, Uuid};
use serde_json::json;
use sqlx::{AssertSqlSafe, PgConnection};
use std::time::Duration;
use store::{
    DeliveryKey, Effect, Erased, ErasureRecord, HistoryWrite, NewGap, OutboxWrite, Owner, RiskWrite, StateEntry, Store,
};

const RECORD: ErasureRecord<'static> =
    ErasureRecord { claimed_by: Some("alice"), action: "erased", subject: "somebody" };

/// Inserts a row into every table that has rows of accounts.
async fn fill(store: &Store, account: &(OrgId, UserId), id: u128) {
    let mut correlation = store.correlate(std::slice::from_ref(account)).await.unwrap();
    correlation.put_findings(&[stored(finding(id + 1, account))]).await.unwrap();
    let written = open(incident(id, account));
    let (incident_id, message) = (written.incident.incident_id, written.incident.encode());
    correlation.put_incidents(&[written]).await.unwrap();
    let (org_id, change) = (account.0.clone(), "opened".to_owned());
    let history = HistoryWrite {
        incident_id,
        revision: 3,
        org_id: org_id.clone(),
        change: change.clone(),
        risk_score: Points(7_250),
        severity: Severity::High,
        message: message.clone(),
        end_reason: None,
        merged_into: None,
    };
    correlation.put_history(&[history]).await.unwrap();
    let outbox = OutboxWrite {
        incident_id,
        revision: 3,
        org_id,
        change,
        message,
        traceparent: None,
        end_reason: None,
        merged_into: None,
    };
    correlation.put_outbox(&[outbox]).await.unwrap();
    let risk = RiskWrite {
        org_id: account.0.clone(),
        user_id: account.1.clone(),
        username: None,
        user_class: UserClass::Power,
        risk_score: Points(7_250),
        incidents: 1,
        last_event_at: None,
    };
    correlation.put_risk(&[risk]).await.unwrap();
    correlation.commit().await.unwrap();
    let key = DeliveryKey { incident_id, revision: 3, destination: "soc".to_owned() };
    store.claim(&key, Duration::from_secs(60)).await.unwrap();
    for (id, ruling) in [
        (id + 2, Ruling::Acknowledged { incident_id }),
        (id + 3, Ruling::Undone { decision_id: Uuid::from_u128(id + 2) }),
    ] {
        store.record(&decision(id, &account.0, Some(account.1.as_str()), ruling)).await.unwrap();
    }
}

const ONE_ACCOUNT: Erased = Erased {
    findings: 1,
    incidents: 1,
    history: 1,
    risks: 1,
    outbox: 1,
    deliveries: 1,
    user_days: 1,
    decisions: 2,
    sources: 0,
    readers: 0,
};

/// Counts the rows that contain the text, in all tables except the audit trail.
async fn mentions(connection: &mut PgConnection, text: &str) -> i64 {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT tablename::text FROM pg_tables WHERE schemaname = 'orgwatch' AND tablename !~ '^(audit|migrations)'",
    )
    .fetch_all(&mut *connection)
    .await
    .unwrap();
    assert!(tables.len() > 12, "{tables:?}");
    let mut found = 0;
    for table in tables {
        // Casting a row to text shows bytes in hexadecimal.
        let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        let count =
            format!("SELECT count(*) FROM orgwatch.{table} t WHERE t::text LIKE '%{text}%' OR t::text LIKE '%{hex}%'");
        found += sqlx::query_scalar::<_, i64>(AssertSqlSafe(count)).fetch_one(&mut *connection).await.unwrap();
    }
    found
}

#[tokio::test]
async fn erasing_an_account_leaves_the_others() {
    let (database, store) = Database::migrated().await;
    let (emma, omar) = (user("005hn00000EmmaMAAU"), user("005hn00000OmarMAAU"));
    fill(&store, &emma, 100).await;
    fill(&store, &omar, 200).await;
    put_user_days(&database, &[user_day(&emma, 20_000), user_day(&omar, 20_000)]).await;
    let mut connection = database.connection().await;
    let of_omar = mentions(&mut connection, omar.1.as_str()).await;
    assert_eq!(mentions(&mut connection, emma.1.as_str()).await, of_omar);
    assert!(of_omar > 4, "{of_omar}");

    assert_eq!(store.erase(&org(), Some(&emma.1), RECORD).await.unwrap(), ONE_ACCOUNT);
    assert_eq!(mentions(&mut connection, emma.1.as_str()).await, 0);
    assert_eq!(mentions(&mut connection, omar.1.as_str()).await, of_omar);
    let record = store.audit_page(None, 1).await.unwrap().entries.remove(0);
    assert_eq!(
        (record.actor.as_str(), record.action.as_str(), record.subject.as_str()),
        ("postgres", "erased", "somebody")
    );
    assert_eq!(record.claimed_by.as_deref(), Some("alice"));
    assert_eq!((&record.detail["findings"], &record.detail["sources"]), (&json!(1), &json!(0)));

    let erased: Vec<(Uuid, String)> = sqlx::query_as("SELECT incident_id, org_id FROM orgwatch.erased_incidents")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    assert_eq!(erased, [(Uuid::from_u128(100), org().to_string())], "the id stays, and nothing about the account");

    assert_eq!(store.erase(&org(), Some(&emma.1), RECORD).await.unwrap(), Erased::default(), "again");
    // Events that arrive later may make the same incident, which is erased again.
    fill(&store, &emma, 100).await;
    let again = store.erase(&org(), Some(&emma.1), RECORD).await.unwrap();
    assert_eq!(again, Erased { user_days: 0, ..ONE_ACCOUNT });
    assert_eq!(store.erase(&OrgId::new("other"), Some(&omar.1), RECORD).await.unwrap(), Erased::default());
    assert_eq!(mentions(&mut connection, omar.1.as_str()).await, of_omar);
}

#[tokio::test]
async fn erasing_an_org_deletes_its_accounts_and_sources() {
    let (database, store) = Database::migrated().await;
    let other = (OrgId::new("00Dhn0000018xyzMAU"), UserId::new("005hn00000OmarMAAU"));
    fill(&store, &user("005hn00000EmmaMAAU"), 100).await;
    fill(&store, &user("005hn00000OmarMAAU"), 200).await;
    fill(&store, &other, 300).await;
    for of in [org(), other.0.clone()] {
        store.put_position("stored", &of, &json!({ "at": 1 })).await.unwrap();
        let gap = NewGap {
            source: "streams".into(),
            kind: "api".into(),
            from: Timestamp(1),
            to: Timestamp(2),
            reason: "lost".into(),
        };
        store.open_gap(&of, &gap).await.unwrap();
    }
    store.record(&decision(500, &org(), None, Ruling::Joined)).await.unwrap();
    fill(&store, &user("005hn00000AnnaMAAU"), 400).await;
    store.erase(&org(), Some(&UserId::new("005hn00000AnnaMAAU")), RECORD).await.unwrap();
    let owner = Owner::connect(&database.settings(), "test", "test", 1).await.unwrap();
    assert!(owner.try_acquire(3).await.unwrap());
    let effect = |id: u128| Effect { decision_id: Uuid::from_u128(id), hour: Timestamp(0) };
    let accounts = [user("005hn00000EmmaMAAU"), user("005hn00000OmarMAAU"), other.clone()];
    let user_days = accounts.map(|account| user_day(&account, 20_000));
    owner.checkpoint(3, 1, &[], &[], &[effect(102), effect(302)], &user_days).await.unwrap();
    let mut connection = database.connection().await;
    sqlx::query("INSERT INTO orgwatch.readers (login, org_id) VALUES ('anna', $1), ('anna', $2)")
        .bind(org().as_str())
        .bind(other.0.as_str())
        .execute(&mut connection)
        .await
        .unwrap();
    let erased = store.erase(&org(), None, RECORD).await.unwrap();
    let twice = Erased {
        findings: 2,
        incidents: 2,
        history: 2,
        risks: 2,
        outbox: 2,
        deliveries: 2,
        user_days: 2,
        decisions: 5,
        sources: 2,
        readers: 1,
    };
    assert_eq!(erased, twice);
    for (table, expect) in [("decision_effects", 1), ("decisions_due", 2)] {
        let count = format!("SELECT count(*) FROM orgwatch.{table}");
        let count: i64 = sqlx::query_scalar(AssertSqlSafe(count)).fetch_one(&mut connection).await.unwrap();
        assert_eq!(count, expect, "{table}");
    }
    assert_eq!(mentions(&mut connection, org().as_str()).await, 0);
    let erased = store.erase(&other.0, None, RECORD).await.unwrap();
    assert_eq!(erased, Erased { sources: 2, readers: 1, ..ONE_ACCOUNT });
}

#[tokio::test]
async fn state_of_an_org_is_deleted_by_the_partitions_owner() {
    let (database, store) = Database::migrated().await;
    assert_eq!(store.placements().await.unwrap(), []);
    let owner = Owner::connect(&database.settings(), "test", "test", 1).await.unwrap();
    let [a, b] = ["00Dhn00000000aaAAA", "00Dhn00000000bbAAA"].map(OrgId::new);
    for partition in [7, 3] {
        assert!(owner.try_acquire(partition).await.unwrap());
        let entry = |org: &OrgId, key: &str| StateEntry { org_id: org.clone(), key: key.into(), bytes: vec![1] };
        let entries = [entry(&a, "head"), entry(&a, "user/1"), entry(&b, "head"), entry(&b, "user/1")];
        owner.checkpoint(partition, 5, &entries, &[], &[], &[]).await.unwrap();
    }
    let all = [(3, a.clone()), (3, b.clone()), (7, a.clone()), (7, b.clone())];
    assert_eq!(store.placements().await.unwrap(), all);
    for (partitions, prefix, count) in [(&[3, 7][..], "user/", 2), (&[3], "user/", 1), (&[3, 7], "", 4), (&[], "", 0)] {
        assert_eq!(store.count_state(&a, partitions, prefix).await.unwrap(), count, "{partitions:?} {prefix}");
    }
    assert_eq!(owner.forget_org(3, &a).await.unwrap(), 2);
    assert_eq!(owner.forget_org(3, &a).await.unwrap(), 0);
    assert_eq!(store.placements().await.unwrap(), all[1..]);
    assert_eq!(owner.load_checkpoint(3).await.unwrap(), Some(5), "the checkpoint stays");
    owner.release(3).await.unwrap();
    owner.forget_org(3, &b).await.unwrap_err();
}
