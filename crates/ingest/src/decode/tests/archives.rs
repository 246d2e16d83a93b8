//! Archives.

use super::*;
use std::io::Write;

pub(super) type Member<'a> = (&'a str, Vec<u8>);

pub(super) fn tar(members: &[Member<'_>]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, name, &content[..]).unwrap();
    }
    builder.into_inner().unwrap()
}

pub(super) fn zip(members: &[Member<'_>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut archive = rawzip::ZipArchiveWriter::new(&mut bytes);
    for (name, content) in members {
        let (mut entry, config) = archive.new_file(*name).start().unwrap();
        let mut writer = config.wrap(&mut entry);
        writer.write_all(content).unwrap();
        let (_, descriptor) = writer.finish().unwrap();
        entry.finish(descriptor).unwrap();
    }
    archive.finish().unwrap();
    bytes
}

#[test]
fn archives_are_read_member_by_member() {
    let text = |numbers: std::ops::Range<u32>| records(numbers).into_bytes();
    let utf_16: Vec<u8> = records(40..60).encode_utf16().flat_map(u16::to_le_bytes).collect();
    let members = [("a.ndjson", text(0..20)), ("b.ndjson.gz", gzip(&text(20..40))), ("c", utf_16), ("d/", Vec::new())];
    let all: Vec<u32> = (0..60).collect();
    for archive in [zip(&members[..3]), tar(&members[..3])] {
        check(&archive, Packing::Detect, &all);
        check(gzip(&archive), Packing::Gzip, &all);
        check(zstd(&archive), Packing::Detect, &all);
        check(zip(&[("inner", archive.clone())]), Packing::Detect, &all);
        check(tar(&[("inner", gzip(&archive))]), Packing::Detect, &all);
        let nested = zip(&[("b", tar(&[("c", archive)])), ("good", text(0..20))]);
        let whole = read(&nested, Packing::Detect).unwrap();
        assert_eq!(whole.decoded.accepted, 20);
        let reason = "b/c: an archive within an archive within an archive: unpack it";
        assert_eq!(whole.decoded.rejects.first, [Rejected { line: None, reason: reason.to_owned() }]);
    }
}

#[test]
fn what_is_wrong_in_an_archive_names_the_member() {
    let members =
        [("a.json", b"{no json\n{}\n".to_vec()), ("b.html", b"<html>".to_vec()), ("c", records([1]).into_bytes())];
    for archive in [zip(&members), tar(&members)] {
        let Decoded { accepted, rejects, .. } = read(&archive, Packing::Detect).unwrap().decoded;
        assert_eq!((accepted, rejects.total), (1, 3));
        assert!(rejects.first[0].line == Some(1) && rejects.first[0].reason.starts_with("a.json: not a JSON object"));
        assert_eq!(rejects.first[2], Rejected { line: None, reason: "b.html: HTML, not events".to_owned() });
    }
    let cut = zip(&members);
    // Its members are whole, and the list of them is not.
    let Decoded { accepted, rejects, cut_off, .. } = read(&cut[..cut.len() - 30], Packing::Detect).unwrap().decoded;
    assert_eq!((accepted, rejects.total), (1, 4), "{rejects:?}");
    assert!(cut_off.unwrap().reason.contains("cut off at byte "));
    // A wrong checksum: nothing is handed over.
    let mut damaged = zip(&members);
    let list = damaged.windows(4).position(|four| four == b"PK\x01\x02").unwrap();
    damaged[list + 16] ^= 1;
    assert!(matches!(read(&damaged, Packing::Detect), Err(DecodeError::Broken { .. })));
}

#[test]
fn an_archive_that_is_cut_off_gives_the_records_before() {
    let members = [("a", records(0..20).into_bytes()), ("b", records(20..2_000).into_bytes())];
    let (archive, zipped) = (tar(&members), zip(&members));
    let halves =
        [archive.clone(), gzip(&archive), zipped.clone(), gzip(&zipped)].map(|all| all[..all.len() / 2].to_vec());
    for cut in halves {
        let Decoded { accepted, cut_off, .. } = read(&cut, Packing::Detect).unwrap().decoded;
        let cut_off = cut_off.unwrap();
        assert!((21..2_000).contains(&accepted), "{accepted}");
        assert_eq!(cut_off.line, Some(accepted as u64 - 20 + 1));
        assert!(cut_off.reason.starts_with("b: cannot read the rest of the file: "), "{cut_off:?}");
    }
}

#[test]
fn members_behind_one_that_is_cut_off_are_measured_verified_and_read() {
    let whole = gzip(records(0..2_000).as_bytes());
    let inner = gzip(&tar(&[("c", records(0..90).into_bytes())]));
    let cut = [("a", whole[..whole.len() / 2].to_vec()), ("b", inner[..inner.len() / 2].to_vec())];
    let with = |pack: fn(&[Member<'_>]) -> Vec<u8>, last: Vec<u8>| pack(&[cut[0].clone(), cut[1].clone(), ("d", last)]);
    let mut damaged = gzip(records(0..20).as_bytes());
    let at = damaged.len() - 8;
    damaged[at] ^= 1;
    for pack in [zip, tar] {
        let good = read(&with(pack, records(5_000..5_020).into_bytes()), Packing::Detect).unwrap();
        let accepted = good.decoded.accepted;
        assert!(accepted > 20 && ids(&good)[accepted - 20..] == (5_000..5_020).map(id).collect::<Vec<_>>());
        assert!(good.decoded.cut_off.unwrap().reason.starts_with("a: "));
        let beyond = read(&with(pack, gzip(&vec![b'\n'; 2 << 20])), Packing::Detect);
        assert!(matches!(beyond, Err(DecodeError::TooLarge(MAX))), "{beyond:?}");
        let broken = read(&with(pack, damaged.clone()), Packing::Detect);
        assert!(matches!(broken, Err(DecodeError::Broken { .. })), "{broken:?}");
        // At its first byte.
        let none =
            read(&pack(&[("a", whole[..3].to_vec()), ("d", records([1]).into_bytes())]), Packing::Detect).unwrap();
        assert_eq!(ids(&none), [id(1)]);
    }
}

#[test]
fn an_archive_is_unpacked_up_to_the_limit() {
    let zeros = gzip(&vec![b'\n'; 800 << 10]);
    let one = [("a", zeros.clone())];
    let two = [("a", zeros.clone()), ("b", zeros.clone())];
    for pack in [zip, tar] {
        assert!(read(&pack(&one), Packing::Detect).is_ok());
        for body in [pack(&two), gzip(&pack(&two)), pack(&[("inner", pack(&two))])] {
            assert!(matches!(read(&body, Packing::Detect), Err(DecodeError::TooLarge(MAX))));
        }
    }
    // What is hidden is unpacked, too.
    let hidden = gzip(&tar(&[(".x", vec![0; 2 << 20])]));
    assert!(matches!(read(&hidden, Packing::Detect), Err(DecodeError::TooLarge(MAX))));
}
