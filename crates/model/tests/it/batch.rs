//! Batches: what is put together item by item is what the message type says.

use crate::examples;
use crate::strategies;
use model::batch::push_item;
use model::{Batch, Change, ChangeKind, Control, Entry, Item, Order, OrgId, Timestamp, WireError};
use proptest::prelude::*;

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn traced<T>(value: T) -> Item<T> {
    Item { value, traceparent: TRACE.into(), received_at: Some(Timestamp(1_772_461_913_000)) }
}

fn control(order: Order) -> Entry {
    Entry::Control(Control { org_id: OrgId::new("00Dhn0000018hrcMAU"), order })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn golden_bytes_of_control_records() {
    let watermark = control(Order::Watermark(Timestamp(1_772_461_912_867)));
    let bytes = Entry::encode_batch(&[traced(watermark), Item::new(control(Order::End))]);
    insta::assert_snapshot!(hex(&bytes));
}

#[test]
fn golden_bytes_of_a_change() {
    let change = Change { incident: examples::incident(), kind: ChangeKind::Escalated };
    insta::assert_snapshot!(hex(&Change::encode_batch(&[traced(change)])));
}

#[test]
fn an_item_of_nothing_is_an_error() {
    let mut batch = Vec::new();
    push_item(&mut batch, &[]);
    assert!(matches!(Entry::decode_batch(&batch), Err(WireError::Missing("activity"))));
    assert!(matches!(model::Finding::decode_batch(&batch), Err(WireError::Missing("finding"))));
}

proptest! {
    #[test]
    fn batches_come_back(activities in prop::collection::vec(strategies::activity(), 0..4), end in any::<bool>()) {
        let mut items: Vec<Item<Entry>> = activities.into_iter().map(|activity| traced(Entry::from(activity))).collect();
        items.push(Item::new(control(if end { Order::End } else { Order::Watermark(Timestamp(-5)) })));
        prop_assert_eq!(Entry::decode_batch(&Entry::encode_batch(&items)).unwrap(), items);
    }

    #[test]
    fn hostile_bytes_are_an_error_or_a_batch(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(items) = Entry::decode_batch(&bytes) {
            prop_assert_eq!(Entry::decode_batch(&Entry::encode_batch(&items)).unwrap().len(), items.len());
        }
    }
}
