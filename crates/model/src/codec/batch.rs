//! Conversion of batches and control records.

use super::field::{Field, WireError, numbers};
use crate::batch::{Batch, Change, ChangeKind, Command, Control, EndReason, Entry, Item};
use crate::{Finding, Incident, Kind, Observation, OrgId, Text, Timestamp, wire};

numbers!(ChangeKind => ChangeKind { Opened, Updated, Escalated, Reopened, Closed, Ended, Resumed });
numbers!(EndReason => EndReason { Passed, Absorbed, Withdrawn, Suppressed });

/// Implements [`Batch`]. `$to` makes an item of a value, and `$from` a value of an item.
macro_rules! batch {
    ($domain:ty, $item:ident, $batch:ident, $to:expr, $from:expr) => {
        impl Batch for $domain {
            fn encode_item(item: &Item<Self>) -> Vec<u8> {
                let to: fn(&Self) -> wire::$item = $to;
                let mut wire = to(&item.value);
                wire.traceparent = item.traceparent.to_wire();
                wire.received_at = item.received_at.map(|time| time.0);
                prost::Message::encode_to_vec(&wire)
            }

            fn decode_batch(bytes: &[u8]) -> Result<Vec<Item<Self>>, WireError> {
                let from: fn(wire::$item) -> Result<Self, WireError> = $from;
                let batch: wire::$batch = prost::Message::decode(bytes)?;
                let items = batch.items.into_iter().map(|mut item| {
                    let traceparent = Text::from(std::mem::take(&mut item.traceparent));
                    let received_at = Field::from_wire(item.received_at, "received_at")?;
                    Ok(Item { value: from(item)?, traceparent, received_at })
                });
                items.collect()
            }
        }
    };
}

batch!(
    Observation,
    ObservationItem,
    ObservationBatch,
    |value| wire::ObservationItem { observation: Some(value.to_wire()), ..Default::default() },
    |item| required(item.observation, "observation")
);
batch!(
    Finding,
    FindingItem,
    FindingBatch,
    |value| wire::FindingItem { finding: Some(value.to_wire()), ..Default::default() },
    |item| required(item.finding, "finding")
);
batch!(
    Change,
    IncidentItem,
    IncidentBatch,
    |value| wire::IncidentItem {
        incident: Some(value.incident.to_wire()),
        change: value.kind.to_wire(),
        end_reason: value.end_reason.to_wire(),
        merged_into: value.merged_into.to_wire(),
        ..Default::default()
    },
    |item| {
        let incident: Incident = required(item.incident, "incident")?;
        Ok(Change {
            incident,
            kind: ChangeKind::from_wire(item.change, "change")?,
            end_reason: Field::from_wire(item.end_reason, "end_reason")?,
            merged_into: Field::from_wire(item.merged_into, "merged_into")?,
        })
    }
);
batch!(
    Entry,
    ActivityItem,
    ActivityBatch,
    |value| match value {
        Entry::Activity(activity) => wire::ActivityItem { activity: Some(activity.to_wire()), ..Default::default() },
        Entry::Backfill(activity) => {
            wire::ActivityItem { activity: Some(activity.to_wire()), learn_only: true, ..Default::default() }
        }
        Entry::Control(control) => wire::ActivityItem { control: Some(control.to_wire()), ..Default::default() },
    },
    |item| match item.control {
        Some(control) => Ok(Entry::Control(Field::from_wire(control, "control")?)),
        None if item.learn_only => Ok(Entry::Backfill(required(item.activity, "activity")?)),
        None => Ok(Entry::Activity(required(item.activity, "activity")?)),
    }
);

fn required<T: Field<W>, W>(wire: Option<W>, name: &'static str) -> Result<T, WireError> {
    T::from_wire(wire.ok_or(WireError::Missing(name))?, name)
}

impl Field<wire::Control> for Control {
    fn to_wire(&self) -> wire::Control {
        use wire::control::Value;
        let value = match &self.command {
            Command::Watermark(time) => Value::Watermark(time.0),
            Command::End => Value::End(true),
            Command::Blind { kind } => Value::Blind(kind.to_wire()),
            Command::Sighted { kind } => Value::Sighted(kind.to_wire()),
            Command::Decide(decision) => Value::Decision(decision.to_wire()),
        };
        wire::Control { org_id: self.org_id.to_wire(), value: Some(value) }
    }

    fn from_wire(wire: wire::Control, _: &'static str) -> Result<Self, WireError> {
        use wire::control::Value;
        let command = match wire.value.ok_or(WireError::Missing("control"))? {
            Value::Watermark(time) => Command::Watermark(Timestamp::from_wire(time, "watermark")?),
            Value::End(_) => Command::End,
            Value::Blind(kind) => Command::Blind { kind: Kind::from_wire(kind, "blind")? },
            Value::Sighted(kind) => Command::Sighted { kind: Kind::from_wire(kind, "sighted")? },
            Value::Decision(decision) => Command::Decide(Field::from_wire(decision, "decision")?),
        };
        Ok(Self { org_id: OrgId::from_wire(wire.org_id, "org_id")?, command })
    }
}
