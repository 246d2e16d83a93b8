//! Archives that are cut off.

use super::*;

/// A zip without the list at its end, with the size of each member before it.
fn unlisted(members: &[Member]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, content) in members {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(content).unwrap();
        let packed = encoder.finish().unwrap();
        let mut crc = flate2::Crc::new();
        crc.update(content);
        bytes.extend(b"PK\x03\x04\x14\0\0\0\x08\0\0\0\0\0");
        for number in [crc.sum(), packed.len() as u32, content.len() as u32, name.len() as u32] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(name.as_bytes());
        bytes.extend(packed);
    }
    bytes
}

#[test]
fn archives_that_are_cut_off_say_so() {
    let big = csv(&rows(0..20_000), ",");
    let members = [member("a.csv", good()), member("b.csv", big), member("c.csv", good())];
    for whole in [tar(&members), gzip(&tar(&members)), zstd(&tar(&members))] {
        let outcome = read_one("a.tar", &whole[..whole.len() / 2]);
        let count = outcome.activities.len();
        assert!((100..20_003).contains(&count), "{count}");
        assert!(outcome.rejects.len() == 1 && outcome.rejects[0].contains("cut off at byte "), "{:?}", outcome.rejects);
        assert!(outcome.skipped.len() == 1 && outcome.skipped[0].contains("cut off at byte "), "{:?}", outcome.skipped);
    }
}

#[test]
fn the_members_of_a_zip_that_is_cut_off_are_read_as_far_as_they_go() {
    let big = csv(&rows(100..20_100), ",");
    let members = [member("a.csv", good()), member("b.csv", big), member("c.csv", good())];
    let after = |bytes: &[u8], name: &str| memchr_find(bytes, name.as_bytes()).unwrap() + name.len();
    let missing = |at: usize| {
        format!(
            "a.zip: the zip is cut off: its members are read up to byte {at}, and the list of them, which is its end, is missing"
        )
    };
    // The first knows its sizes behind each member, as zips that are written as a stream.
    for whole in [zip(&members), unlisted(&members)] {
        // Within the second member.
        let cut = after(&whole, "b.csv") + (after(&whole, "c.csv") - after(&whole, "b.csv")) / 2;
        let check = |name: &str, bytes: &[u8]| {
            let outcome = read_one(name, bytes);
            let count = outcome.activities.len();
            assert!((1_000..20_003).contains(&count), "{count}");
            let [reject] = &outcome.rejects[..] else { panic!("{:?}", outcome.rejects) };
            assert!(
                reject.starts_with(&format!("a.zip/b.csv: {}: ", count - 1)) && reject.contains("cut off at byte "),
                "{reject}"
            );
            outcome.skipped
        };
        assert_eq!(check("a.zip", &whole[..cut]), [missing(cut)]);
        assert_eq!(check("a.zip", &gzip(&whole[..cut])), [missing(cut)]);
        let packed = gzip(&whole);
        let skipped = check("a.zip", &packed[..packed.len() / 2]);
        assert!(skipped.len() == 1 && skipped[0].contains("the packed bytes are cut off"), "{skipped:?}");
        // Within the header of the third.
        let cut = after(&whole, "c.csv") - 10;
        let outcome = read_one("a.zip", &whole[..cut]);
        assert_eq!((outcome.activities.len(), outcome.rejects.len(), outcome.skipped.len()), (20_003, 0, 1));
        // All members are whole.
        let end = whole.windows(4).position(|four| four == b"PK\x01\x02").unwrap_or(whole.len());
        let outcome = read_one("a.zip", &whole[..whole.len().min(end + 20)]);
        assert_eq!((outcome.activities.len(), outcome.rejects.len()), (20_006, 0));
        assert_eq!(outcome.skipped, [missing(end)]);
        // Another checksum than was written is noticed.
        let mut damaged = whole[..cut].to_vec();
        damaged[14] ^= 1;
        let first_descriptor = damaged.windows(4).position(|four| four == b"PK\x07\x08");
        if let Some(at) = first_descriptor {
            damaged[at + 4] ^= 1;
        }
        let outcome = read_one("a.zip", &damaged);
        assert!(outcome.rejects.len() == 1 && outcome.rejects[0].contains("checksum"), "{:?}", outcome.rejects);
    }
}

#[test]
fn a_zip_within_a_zip_that_is_cut_off_is_not_taken_for_the_whole() {
    let inner = zip(&[member("x.csv", csv(&rows(10..14), ","))]);
    let last = csv(&rows(100..20_100), ",");
    for members in [
        [member("a.csv", good()), member("inner.zip", inner.clone()), member("c.csv", last.clone())],
        [member("a.csv", good()), member("inner.zip", inner.clone()), member("c.csv", good())],
    ] {
        let whole = zip(&members);
        let cut = memchr_find(&whole, b"c.csv").unwrap() + 200;
        let outcome = read_one("a.zip", &whole[..cut]);
        let files: Vec<_> = outcome.skipped.iter().map(|one| one.split(':').next().unwrap()).collect();
        assert!(outcome.activities.len() >= 3 + 4 && files.contains(&"a.zip"), "{outcome:?}");
    }
}
