//! Replay ids: ten bytes that say a place on the tape, and whose they are.

use crate::tape::Place;

/// What is in front of each other id, so that they are ordered and never contiguous.
const STRIDE: u64 = 977;
/// Beyond what any clock counts.
const BASE: u64 = 0x0000_51f0_0000_0000;

/// Why an id cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// It is no replay id at all.
    Malformed,
    /// It is another topic's, another org's, or of before the org was moved.
    Foreign,
}

/// Whose ids they are. Another generation does not know those of the one before.
pub(crate) fn tag(org: &str, topic: &str, generation: u32) -> [u8; 2] {
    let hash = model::id::hash(format!("{org} {topic} {generation}").as_bytes());
    (hash as u16).to_be_bytes()
}

/// The id after whose event comes what is at `place` or later.
pub(crate) fn encode(place: Place, tag: [u8; 2]) -> Vec<u8> {
    let place = u64::from(place);
    let scatter = model::id::hash(&place.to_be_bytes()) % STRIDE;
    let order = BASE + place * STRIDE + scatter;
    order.to_be_bytes().into_iter().chain(tag).collect()
}

pub(crate) fn decode(id: &[u8], tag: [u8; 2]) -> Result<Place, Unusable> {
    let (order, said) = id.split_at_checked(8).ok_or(Unusable::Malformed)?;
    let order = u64::from_be_bytes(order.try_into().map_err(|_| Unusable::Malformed)?);
    if said.len() != tag.len() {
        return Err(Unusable::Malformed);
    }
    let place = order.checked_sub(BASE).map(|order| order / STRIDE).and_then(|place| Place::try_from(place).ok());
    place.filter(|place| encode(*place, tag) == id).ok_or(Unusable::Foreign)
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
        fn bytes_that_we_did_not_write_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
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
