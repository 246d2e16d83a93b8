//! Erasing an account from the records of an org.

use super::bytes::{FIRST, decode, encode};
use super::record::{PAGE, RecordKind};
use super::{Record, StateError, restore, save};
use crate::org::Org;
use crate::org::decisions::StoredDecisions;
use model::{Text, UserId};

/// Returns the records that erase one account from an org; none if neither the org nor its decisions have it. `records` are those of the
/// org without those of its users. No service may have the org in memory meanwhile: its next checkpoint would write the
/// account again.
///
/// The slot of the account stays, under a name that no account can have. What it added to the counts and averages of
/// populations and to the precision of detectors stays, too: these name nobody. Its open day is dropped with its profile, and what people said
/// of it or decided on it is erased, also if it was never active here. If the account is active again later, it is a new one.
///
/// # Errors
/// If a record is damaged, missing, or of an unknown version.
pub fn erase(records: impl IntoIterator<Item = (String, Vec<u8>)>, user: &UserId) -> Result<Vec<Record>, StateError> {
    let (mut head, mut slot, mut changes) = (None, None, Vec::new());
    let mut decisions = None;
    for (key, bytes) in records {
        match RecordKind::parse(&key)? {
            RecordKind::Head => head = Some(bytes),
            RecordKind::Slots(page) => {
                let mut users: Vec<Text> = decode(&key, &bytes)?;
                let Some(index) = users.iter().position(|known| known.as_str() == user.as_str()) else { continue };
                let number = page as usize * PAGE + index;
                if let Some(name) = users.get_mut(index) {
                    *name = tombstone(number);
                }
                changes.push(Record { bytes: Some(encode(&key, FIRST, &users)?), key });
                slot = Some(number as u32);
            }
            RecordKind::Decisions => decisions = Some((restore::read_decisions(&key, &bytes)?, key)),
            _ => {}
        }
    }
    if let Some(slot) = slot {
        let key = RecordKind::Head.to_string();
        let bytes = head.ok_or_else(|| StateError::Missing { key: key.clone() })?;
        let (mut head, mut more) = restore::read_head(&key, &bytes)?;
        head.active_hour.retain(|active| *active != slot);
        head.active_day.retain(|active| *active != slot);
        more.backfill_days.remove(&slot);
        changes.push(Record { bytes: Some(save::encode_head(&key, &head, &more)?), key });
        changes.push(Record { key: Org::user_key(user), bytes: None });
    }
    // People also decide on accounts that have not been active here.
    if let Some((mut decisions, key)) = decisions
        && decisions.erase(user)
    {
        let stored = (!decisions.is_empty()).then(|| StoredDecisions::from(&decisions));
        let bytes = stored.map(|stored| encode(&key, FIRST, &stored)).transpose()?;
        changes.push(Record { key, bytes });
    }
    Ok(changes)
}

/// Returns the name of an erased slot. No account can have it: ids hold no zero byte, see [`model::id::normalize`].
fn tombstone(slot: usize) -> Text {
    Text::from(format!("\0{slot}"))
}
