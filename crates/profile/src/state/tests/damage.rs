//! Damaged records give errors and never panics.

use super::*;
use proptest::prelude::*;
use std::sync::LazyLock;

static STORED: LazyLock<Table> = LazyLock::new(|| {
    let mut all = Table::new();
    apply(&mut all, small_org().take_changes().unwrap());
    all
});

/// Restores the org with other bytes in place of a stored record.
fn reread(key: &str, bytes: Vec<u8>) -> Result<(), StateError> {
    if let Some(user) = key.strip_prefix("user/") {
        let records = STORED.iter().filter(|(key, _)| !key.starts_with("user/"));
        let records = records.map(|(key, bytes)| (key.clone(), bytes.clone()));
        return restored(org_id(), &settings(), records)?.load(&UserId::new(user), &bytes);
    }
    let mut table = STORED.clone();
    table.insert(key.to_owned(), bytes);
    let records = table.into_iter().filter(|(key, _)| !key.starts_with("user/"));
    restored(org_id(), &settings(), records).map(|_| ())
}

fn message(result: Result<(), StateError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn every_truncated_record_is_an_error() {
    for (key, bytes) in &*STORED {
        for cut in (0..bytes.len()).step_by(1 + bytes.len() / 40) {
            let error = reread(key, bytes[..cut].to_vec()).unwrap_err();
            assert!(matches!(&error, StateError::Undecodable { key: found, .. } if found == key), "{error}");
        }
        assert!(reread(key, bytes.clone()).is_ok());
        assert_eq!(
            message(reread(key, [bytes.as_slice(), &[0, 0]].concat())),
            format!("state {key:?}: 2 bytes beyond its end")
        );
        assert_eq!(
            message(reread(key, vec![200, 0])),
            format!("state {key:?}: unknown version 200; run the version of orgwatch that wrote it, or a later one")
        );
    }
}

#[test]
fn every_missing_record_is_an_error() {
    for missing in STORED.keys().filter(|key| !key.starts_with("user/")) {
        let records = STORED.iter().filter(|(key, _)| !key.starts_with("user/") && *key != missing);
        let records = records.map(|(key, bytes)| (key.clone(), bytes.clone()));
        let error = restored(org_id(), &settings(), records).err().unwrap();
        assert!(matches!(error, StateError::Missing { .. } | StateError::Incomplete { .. }), "{missing}: {error}");
    }
}

#[test]
fn unknown_keys_users_and_settings_are_errors() {
    assert_eq!(message(reread("sloths/1", vec![])), "state \"sloths/1\": no such key");
    assert_eq!(message(reread("user/nobody", vec![])), "user nobody does not belong to org 00Dhn0000018hrcEAA");
    let unknown = Settings { time_zone: "Mars".to_owned(), ..settings() };
    let error = restored(org_id(), &unknown, []).err().unwrap();
    assert_eq!(error.to_string(), "profile.time_zone: no such time zone: \"Mars\"");
    assert_eq!(restored(org_id(), &settings(), []).err().unwrap().to_string(), "state \"head\": missing");
}

proptest! {
    #[test]
    fn random_bytes_do_not_panic(at in any::<prop::sample::Index>(), version in 1..4u8, mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let key = at.get(&STORED.keys().collect::<Vec<_>>()).to_string();
        bytes.insert(0, version);
        reread(&key, bytes).ok();
    }

    #[test]
    fn changed_bytes_do_not_panic(at in any::<prop::sample::Index>(), index in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let (key, bytes) = *at.get(&STORED.iter().collect::<Vec<_>>());
        let mut bytes = bytes.clone();
        *index.get_mut(&mut bytes) = byte;
        reread(key, bytes).ok();
    }
}
