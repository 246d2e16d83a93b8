//! Encoding and decoding of batches.

use crate::examples;
use crate::strategies;
use model::batch::push_item;
use model::{
    Activity, Batch, Change, ChangeKind, Channel, Command, Control, EndReason, Entry, Item, Kind, OrgId, Timestamp,
    UserId, Uuid, WireError, wire,
};
use proptest::prelude::*;

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn traced<T>(value: T) -> Item<T> {
    Item { value, traceparent: TRACE.into(), received_at: Some(Timestamp(1_772_461_913_000)) }
}

fn control(command: Command) -> Entry {
    Entry::Control(Control { org_id: OrgId::new("00Dhn0000018hrcMAU"), command })
}

/// An activity with its required fields only.
fn bare() -> Activity {
    let (org, user) = (OrgId::new("00Dhn0000018hrcMAU"), UserId::new("005hn00000EmmaMAAU"));
    Activity::new(Uuid::from_u128(7), org, user, Timestamp(1_772_461_912_867), Channel::Stored, Kind::ListView)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn golden_bytes_of_control_records() {
    let watermark = control(Command::Watermark(Timestamp(1_772_461_912_867)));
    let bytes = Entry::encode_batch(&[traced(watermark), Item::new(control(Command::End))]);
    insta::assert_snapshot!(hex(&bytes));
}

#[test]
fn golden_bytes_of_blind_kinds() {
    let blind = control(Command::Blind { kind: Kind::ListView });
    let sighted = control(Command::Sighted { kind: Kind::TenantSecurityApiAnomaly });
    insta::assert_snapshot!(hex(&Entry::encode_batch(&[traced(blind), Item::new(sighted)])));
}

#[test]
fn golden_bytes_of_backfill() {
    let backfill = Entry::Backfill(Box::new(bare()));
    let activity = Entry::encode_batch(&[traced(Entry::from(bare()))]);
    let bytes = Entry::encode_batch(&[traced(backfill)]);
    insta::assert_snapshot!(hex(&bytes));
    assert_eq!(bytes.len(), activity.len() + 2, "the mark of backfill takes two bytes");
}

#[test]
fn golden_bytes_of_a_change() {
    let change = Change::new(examples::incident(), ChangeKind::Escalated);
    insta::assert_snapshot!(hex(&Change::encode_batch(&[traced(change)])));
}

#[test]
fn the_end_of_an_incident_keeps_its_reason() {
    for (end_reason, merged_into) in EndReason::ALL.iter().zip([None, Some(Uuid::from_u128(7)), None]) {
        let end = Change::new(examples::incident(), ChangeKind::Ended);
        let end = traced(Change { end_reason: Some(*end_reason), merged_into, ..end });
        assert_eq!(Change::decode_batch(&Change::encode_batch(std::slice::from_ref(&end))).unwrap(), [end]);
    }
}

#[test]
fn an_empty_item_is_an_error() {
    let mut batch = Vec::new();
    push_item(&mut batch, &[]);
    assert!(matches!(Entry::decode_batch(&batch), Err(WireError::Missing("activity"))));
    assert!(matches!(model::Finding::decode_batch(&batch), Err(WireError::Missing("finding"))));
}

#[test]
fn an_unknown_kind_is_an_error() {
    let error = |value| {
        let control = Some(wire::Control { org_id: "00Dhn0000018hrcMAU".to_owned(), value: Some(value) });
        let item = wire::ActivityItem { control, ..wire::ActivityItem::default() };
        let mut batch = Vec::new();
        push_item(&mut batch, &prost::Message::encode_to_vec(&item));
        Entry::decode_batch(&batch).unwrap_err().to_string()
    };
    assert_eq!(error(wire::control::Value::Blind(0)), "field blind: unknown number 0");
    assert_eq!(error(wire::control::Value::Sighted(99)), "field sighted: unknown number 99");
    let decision = |version, json: &str| wire::DecisionRecord { version, json: json.to_owned() };
    assert_eq!(error(wire::control::Value::Decision(decision(2, "{}"))), "field decision: unknown version 2");
    assert_eq!(error(wire::control::Value::Decision(decision(1, "{}"))), "field decision: not the json of this type");
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        strategies::time().prop_map(Command::Watermark),
        Just(Command::End),
        strategies::word(Kind::ALL).prop_map(|kind| Command::Blind { kind }),
        strategies::word(Kind::ALL).prop_map(|kind| Command::Sighted { kind }),
        strategies::decision().prop_map(|decision| Command::Decide(Box::new(decision))),
    ]
}

fn entry() -> impl Strategy<Value = Entry> {
    prop_oneof![
        strategies::activity().prop_map(Entry::from),
        strategies::activity().prop_map(|activity| Entry::Backfill(Box::new(activity))),
        command().prop_map(control),
    ]
}

proptest! {
    #[test]
    fn batches_survive_the_wire(entries in prop::collection::vec(entry(), 0..5)) {
        let items: Vec<Item<Entry>> = entries.into_iter().map(traced).collect();
        prop_assert_eq!(Entry::decode_batch(&Entry::encode_batch(&items)).unwrap(), items);
    }

    #[test]
    fn arbitrary_bytes_decode_to_an_error_or_a_batch(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(items) = Entry::decode_batch(&bytes) {
            prop_assert_eq!(Entry::decode_batch(&Entry::encode_batch(&items)).unwrap().len(), items.len());
        }
    }
}
