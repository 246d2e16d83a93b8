use super::*;
use proptest::prelude::*;
use std::collections::HashMap;

/// Returns ids that are spread as random ones are.
fn id(n: u64) -> Uuid {
    Uuid::from_u64_pair(n.wrapping_mul(0x9e37_79b9_7f4a_7c15), n.wrapping_mul(0xbf58_476d_1ce4_e5b9).rotate_left(17))
}

#[test]
fn a_copy_is_known_until_its_hour_is_forgotten() {
    let mut identities = Identities::default();
    let id = Uuid::from_u128(7);
    let insert = |identities: &mut Identities| identities.insert(id, Timestamp(HOUR), Facets(5));
    assert_eq!(insert(&mut identities), None);
    assert_eq!(insert(&mut identities), Some(Facets(5)));
    identities.advance(Timestamp(50 * HOUR), Timestamp(HOUR + 5));
    assert_eq!(insert(&mut identities), Some(Facets(5)));
    identities.advance(Timestamp(50 * HOUR), Timestamp(2 * HOUR));
    assert_eq!(insert(&mut identities), None);
}

#[test]
fn facets_of_copies_add_up() {
    let mut identities = Identities::default();
    let (id, at) = (Uuid::from_u128(u128::MAX), Timestamp(-1));
    assert_eq!(identities.facets_of(id, at), None);
    identities.insert(id, at, Facets(1));
    identities.add(id, at, Facets(4));
    assert_eq!(
        (identities.facets_of(id, at), identities.insert(id, at, Facets(2))),
        (Some(Facets(5)), Some(Facets(5)))
    );
    assert_eq!(identities.facets_of(Uuid::from_u128(7), at), None);
}

#[test]
fn a_past_hour_takes_five_bytes_an_identity_and_few_records() {
    let mut identities = Identities::default();
    identities.start_log();
    let taken = |identities: &mut Identities| {
        let mut log = identities.log.take().unwrap();
        let chunks = log.take(|hour| identities.sealed(hour).collect());
        identities.log = Some(log);
        chunks.len()
    };
    for n in 0..200_000 {
        identities.insert(id(n), Timestamp(7 * HOUR), Facets(3));
        if n % 1_000 == 0 {
            taken(&mut identities);
        }
    }
    taken(&mut identities);
    let open = identities.usage();
    assert_eq!((open.entries, open.rows), (200_000, 200), "a record for each checkpoint");
    identities.advance(Timestamp(8 * HOUR), Timestamp(0));
    assert_eq!(taken(&mut identities), 200 + 4, "200 removed, 4 written");
    let sealed = identities.usage();
    assert_eq!((sealed.entries, sealed.rows), (200_000, 4));
    assert!(sealed.bytes < 200_000 * 11 / 2 && open.bytes > 200_000 * 9, "{sealed:?} {open:?}");
    // A late hour is sealed again when it has grown by a quarter, and a little of it each hour.
    (200_000..260_000).for_each(|n| assert_eq!(identities.insert(id(n), Timestamp(7 * HOUR), Facets(3)), None));
    assert!(identities.usage().bytes < 260_000 * 11 / 2 + (1 << 17) * 9, "{:?}", identities.usage());
    identities.advance(Timestamp(9 * HOUR), Timestamp(0));
    assert!(identities.usage().bytes < 260_000 * 11 / 2, "{:?}", identities.usage());
    (0..260_000).for_each(|n| assert_eq!(identities.insert(id(n), Timestamp(7 * HOUR), Facets(1)), Some(Facets(3))));
    (260_000..300_000).for_each(|n| assert_eq!(identities.facets_of(id(n), Timestamp(7 * HOUR)), None));
}

/// What may happen to identities.
#[derive(Clone, Debug)]
enum Step {
    Insert(u64, i64, u8),
    Add(u64, i64, u8),
    Advance(i64),
    Seal(i64),
}

proptest! {
    #[test]
    fn what_is_found_does_not_depend_on_what_is_sealed(steps in prop::collection::vec(prop_oneof![
        8 => (0u64..500, 0i64..6, any::<u8>()).prop_map(|(id, hour, facets)| Step::Insert(id, hour, facets)),
        3 => (0u64..500, 0i64..6, any::<u8>()).prop_map(|(id, hour, facets)| Step::Add(id, hour, facets)),
        1 => (0i64..8).prop_map(Step::Advance),
        1 => (0i64..6).prop_map(Step::Seal),
    ], 0..800)) {
        let mut identities = Identities::default();
        let mut model: HashMap<(i64, u64), u8> = HashMap::new();
        for step in steps {
            match step {
                Step::Insert(n, hour, facets) => {
                    let known = model.get(&(hour, n)).copied();
                    prop_assert_eq!(identities.facets_of(id(n), Timestamp(hour * HOUR)), known.map(Facets));
                    prop_assert_eq!(identities.insert(id(n), Timestamp(hour * HOUR), Facets(facets)), known.map(Facets));
                    model.entry((hour, n)).or_insert(facets);
                }
                Step::Add(n, hour, facets) => {
                    let Some(known) = model.get_mut(&(hour, n)) else { continue };
                    *known |= facets;
                    identities.add(id(n), Timestamp(hour * HOUR), Facets(facets));
                }
                Step::Advance(hour) => {
                    let horizon = hour - 4;
                    identities.advance(Timestamp(hour * HOUR), Timestamp(horizon * HOUR));
                    model.retain(|(of, _), _| *of >= horizon);
                }
                Step::Seal(hour) => identities.seal(hour),
            }
        }
        for ((hour, n), facets) in &model {
            prop_assert_eq!(identities.facets_of(id(*n), Timestamp(hour * HOUR)), Some(Facets(*facets)));
        }
    }
}
