//! An account that is to be forgotten, out of the records of an org.

use super::bytes::{FIRST, SECOND, decode, encode};
use super::record::{Kind, PAGE};
use super::{Record, StateError, restore};
use crate::org::Org;
use model::{Text, UserId};

/// What a checkpoint writes so that an org forgets one account: nothing if it has none such. `records` are those of the
/// org but for those of its accounts; a service that has the org in memory would write them again.
///
/// The place of the account stays, under a name that no account can have, and so does what it added to the counts and
/// averages of everybody, which name nobody. Its open day is dropped with its profile: the org's day goes on without it.
/// Should the account be heard of again, it is a new one.
///
/// # Errors
/// If a record is damaged, or of a version that is not known.
pub fn erase(records: impl IntoIterator<Item = (String, Vec<u8>)>, user: &UserId) -> Result<Vec<Record>, StateError> {
    let (mut head, mut slot, mut changes) = (None, None, Vec::new());
    for (key, bytes) in records {
        match Kind::parse(&key)? {
            Kind::Head => head = Some(bytes),
            Kind::Slots(page) => {
                let mut users: Vec<Text> = decode(&key, &bytes)?;
                let Some(place) = users.iter().position(|known| known.as_str() == user.as_str()) else { continue };
                let number = page as usize * PAGE + place;
                if let Some(name) = users.get_mut(place) {
                    *name = tombstone(number);
                }
                changes.push(Record { bytes: Some(encode(&key, FIRST, &users)?), key });
                slot = Some(number as u32);
            }
            _ => {}
        }
    }
    let Some(slot) = slot else { return Ok(Vec::new()) };
    let key = Kind::Head.to_string();
    let bytes = head.ok_or_else(|| StateError::Missing { key: key.clone() })?;
    let (mut head, mut more) = restore::read_head(&key, &bytes)?;
    head.active_hour.retain(|active| *active != slot);
    head.active_day.retain(|active| *active != slot);
    more.taught.remove(&slot);
    changes.push(Record { bytes: Some(encode(&key, SECOND, &(head, more))?), key });
    changes.push(Record { key: Org::user_key(user), bytes: None });
    Ok(changes)
}

/// Ids hold no zero byte: see [`model::id::normalize`].
fn tombstone(slot: usize) -> Text {
    Text::from(format!("\0{slot}"))
}
