//! Replay ids: ten bytes with an offset and a tag of topic, org and generation.

use crate::timeline::Offset;

/// The distance between the ranges of consecutive offsets. Ids ascend but are not contiguous, as Salesforce's. Any
/// number well above 1 would do.
const STRIDE: u64 = 977;
/// The number of offset 0. Arbitrary, and large enough that ids look like neither counters nor times.
const BASE: u64 = 0x0000_51f0_0000_0000;

/// Why an id cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// It does not have the form of a replay id.
    Malformed,
    /// It belongs to another topic, org or generation.
    Foreign,
}

/// Returns the tag of a topic's ids. Ids with the tag of another generation are refused.
pub(crate) fn tag(org: &str, topic: &str, generation: u32) -> [u8; 2] {
    let hash = model::id::hash(format!("{org} {topic} {generation}").as_bytes());
    (hash as u16).to_be_bytes()
}

/// Encodes the id of the event before `offset`: a replay after this id starts with the event at `offset`.
pub(crate) fn encode(offset: Offset, tag: [u8; 2]) -> Vec<u8> {
    let offset = u64::from(offset);
    let scatter = model::id::hash(&offset.to_be_bytes()) % STRIDE;
    let order = BASE + offset * STRIDE + scatter;
    order.to_be_bytes().into_iter().chain(tag).collect()
}

/// Decodes the offset of an id.
///
/// # Errors
/// If the id is malformed or does not have this tag.
pub(crate) fn decode(id: &[u8], tag: [u8; 2]) -> Result<Offset, Unusable> {
    let (order, said) = id.split_at_checked(8).ok_or(Unusable::Malformed)?;
    let order = u64::from_be_bytes(order.try_into().map_err(|_| Unusable::Malformed)?);
    if said.len() != tag.len() {
        return Err(Unusable::Malformed);
    }
    let offset = order.checked_sub(BASE).map(|order| order / STRIDE).and_then(|offset| Offset::try_from(offset).ok());
    offset.filter(|offset| encode(*offset, tag) == id).ok_or(Unusable::Foreign)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ids_are_ordered_and_not_contiguous(a in 0..u32::MAX, b in 0..u32::MAX) {
            let tag = tag("org", "topic", 0);
            prop_assert_eq!(encode(a, tag).cmp(&encode(b, tag)), a.cmp(&b));
            prop_assert_eq!(decode(&encode(a, tag), tag), Ok(a));
        }

        #[test]
        fn arbitrary_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
            prop_assert!(decode(&bytes, tag("org", "topic", 0)).is_err());
        }
    }

    #[test]
    fn an_id_belongs_to_its_topic_org_and_generation() {
        let id = encode(7, tag("org", "topic", 0));
        for other in [tag("other", "topic", 0), tag("org", "other", 0), tag("org", "topic", 1)] {
            assert_eq!(decode(&id, other), Err(Unusable::Foreign));
        }
        assert_eq!(decode(&id[..9], tag("org", "topic", 0)), Err(Unusable::Malformed));
    }
}
