//! The same events in every container, encoding and dialect, and archives that are damaged or hostile.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod cut_off;

use files::{Context, InputError, expand, read};
use model::{Activity, OrgId};
use proptest::prelude::*;
use std::io::Write;
use std::path::{Path, PathBuf};

const ORG: &str = "00Dhn0000018hrcMAU";
const HEADER: [&str; 5] = ["EVENT_TYPE", "TIMESTAMP_DERIVED", "USER_ID_DERIVED", "REQUEST_ID", "CLIENT_NAME"];

fn rows(numbers: std::ops::Range<u32>) -> Vec<[String; 5]> {
    let row = |number: u32| {
        let time = format!("2026-03-02T{:02}:{:02}:00.000Z", 8 + number / 60 % 12, number % 60);
        let user = format!("005hn00000{:05}AAA", number % 7);
        ["API".to_owned(), time, user, format!("r{number}"), format!("Müller; \"{number}\"")]
    };
    numbers.map(row).collect()
}

fn csv(rows: &[[String; 5]], delimiter: &str) -> String {
    let line = |fields: Vec<&str>| {
        let quoted: Vec<_> = fields.iter().map(|field| format!("\"{}\"", field.replace('"', "\"\""))).collect();
        quoted.join(delimiter) + "\n"
    };
    let lines = rows.iter().map(|row| line(row.iter().map(String::as_str).collect()));
    line(HEADER.to_vec()) + &lines.collect::<String>()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

fn plain(bytes: &[u8]) -> Vec<u8> {
    bytes.to_vec()
}

type Member = (String, Vec<u8>);

fn zip(members: &[Member]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut archive = rawzip::ZipArchiveWriter::new(&mut bytes);
    archive.new_dir("logs/").create().unwrap();
    for (number, (name, content)) in members.iter().enumerate() {
        let is_stored = number % 2 == 1;
        let method = if is_stored { rawzip::CompressionMethod::STORE } else { rawzip::CompressionMethod::DEFLATE };
        let (mut entry, config) = archive.new_file(name.as_str()).compression_method(method).start().unwrap();
        let descriptor = if is_stored {
            let mut writer = config.wrap(&mut entry);
            writer.write_all(content).unwrap();
            writer.finish().unwrap().1
        } else {
            let mut writer = config.wrap(flate2::write::DeflateEncoder::new(&mut entry, flate2::Compression::fast()));
            writer.write_all(content).unwrap();
            let (encoder, descriptor) = writer.finish().unwrap();
            encoder.finish().unwrap();
            descriptor
        };
        entry.finish(descriptor).unwrap();
    }
    archive.finish().unwrap();
    bytes
}

fn tar(members: &[Member]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, &content[..]).unwrap();
    }
    builder.into_inner().unwrap()
}

fn member(name: &str, content: impl Into<Vec<u8>>) -> Member {
    (name.to_owned(), content.into())
}

/// What reading gave.
#[derive(Debug, Default)]
struct Outcome {
    activities: Vec<Activity>,
    /// File, line and reason.
    rejects: Vec<String>,
    /// File and reason.
    skipped: Vec<String>,
}

fn read_all(folder: &Path) -> Outcome {
    let org = OrgId::new(ORG);
    let given = Context { org: Some(org), ..Context::default() };
    let short = |path: &PathBuf| path.strip_prefix(folder).unwrap().display().to_string();
    let mut outcome = Outcome::default();
    let inputs = match expand(&[folder.to_owned()], &given) {
        Ok((inputs, skipped)) => {
            outcome.skipped = skipped.iter().map(|one| format!("{}: {}", short(&one.path), one.reason)).collect();
            inputs
        }
        Err(InputError::NoEvents { skipped, .. }) => {
            outcome.skipped = skipped.iter().map(|one| format!("{}: {}", short(&one.path), one.reason)).collect();
            Vec::new()
        }
        Err(error) => panic!("{error}"),
    };
    let bytes: u64 = inputs.iter().map(|input| input.bytes).sum();
    let mut last = 0;
    read::<InputError>(&inputs, given.org.as_ref(), 2, |batch| {
        outcome.activities.append(&mut batch.activities);
        let rejects = batch.rejects.iter();
        outcome.rejects.extend(rejects.map(|(path, one)| format!("{}: {}: {}", short(path), one.line, one.reason)));
        last = batch.bytes;
        Ok(())
    })
    .unwrap();
    assert!(last <= bytes, "{last} of {bytes} bytes");
    outcome
}

fn read_one(name: &str, bytes: &[u8]) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(name), bytes).unwrap();
    read_all(folder.path())
}

fn ids(outcome: &Outcome) -> Vec<String> {
    let mut ids: Vec<String> = outcome.activities.iter().map(|activity| activity.id.to_string()).collect();
    ids.sort();
    ids
}

type Pack = fn(&[u8]) -> Vec<u8>;
const PACKINGS: [Pack; 4] = [plain, gzip, bzip2, zstd];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn every_container_gives_the_same(
        parts in prop::collection::vec(1_u32..40, 1..5),
        delimiter in prop::sample::select(vec![",", ";", "\t", "|"]),
        encoding in 0_usize..4,
        packings in prop::collection::vec(0_usize..4, 5),
        archives in prop::collection::vec(any::<bool>(), 1..3),
    ) {
        let total: u32 = parts.iter().sum();
        let expected = read_one("all.csv", csv(&rows(0..total), ",").as_bytes());
        prop_assert_eq!(expected.activities.len(), total as usize);
        let encode = |text: String| -> Vec<u8> {
            match encoding {
                0 => text.into_bytes(),
                1 => format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect(),
                2 => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
                _ => text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect(),
            }
        };
        let (mut members, mut start) = (Vec::new(), 0);
        for (number, count) in parts.iter().enumerate() {
            let content = encode(csv(&rows(start..start + count), delimiter));
            let packed = PACKINGS[packings[number]](&content);
            members.push(member(&format!("logs/{number}.csv"), packed));
            start += count;
        }
        members.push(member("logs/empty.csv", ""));
        members.push(member("__MACOSX/._0.csv", "x"));
        for is_zip in archives {
            let archive = if is_zip { zip(&members) } else { tar(&members) };
            members = vec![member("archive", PACKINGS[packings[4]](&archive))];
        }
        let outcome = read_one("input", &members[0].1);
        prop_assert_eq!(ids(&outcome), ids(&expected));
        prop_assert_eq!((outcome.rejects, outcome.skipped), (vec![], vec![]));
    }
}

fn good() -> String {
    csv(&rows(0..3), ",")
}

#[test]
fn members_are_files_with_names() {
    let bad = csv(&rows(3..4), ",") + "API\n";
    let members = [member("a/Login.csv", good()), member("b.csv", bad), member("notes.txt", "remember the milk")];
    for (name, bytes) in [("logs.zip", zip(&members)), ("logs.tar.gz", gzip(&tar(&members)))] {
        let outcome = read_one(name, &bytes);
        assert_eq!(outcome.activities.len(), 4, "{name} {outcome:?}");
        assert_eq!(outcome.rejects, [format!("{name}/b.csv: 3: 1 fields, but the header has 5")]);
        assert_eq!(outcome.skipped, [format!("{name}/notes.txt: not JSON or CSV")]);
    }
}

#[test]
fn everything_around_a_text_is_named_and_what_breaks_off_keeps_its_encoding() {
    let folder = tempfile::tempdir().unwrap();
    let beginning = |bytes: &[u8]| {
        let path = folder.path().join("a");
        std::fs::write(&path, bytes).unwrap();
        let org = OrgId::new(ORG);
        let (inputs, _) = expand(&[path], &Context { org: Some(org.clone()), ..Context::default() }).unwrap();
        inputs[0].beginning(&org, 10).unwrap()
    };
    let text = csv(&rows(0..50_000), ",").encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let members = [member("a.csv", gzip(&text))];
    assert_eq!(beginning(&gzip(&tar(&members))).packing, ["gzip", "tar", "gzip"]);
    assert_eq!(beginning(&tar(&members)).packing, ["tar", "gzip"]);
    assert_eq!(beginning(&zip(&members)).packing, ["zip", "gzip"]);
    assert_eq!(
        beginning(&zstd(&zip(&[member("b", bzip2(&tar(&members)))]))).packing,
        ["zstd", "zip", "bzip2", "tar", "gzip"]
    );
    let packed = gzip(&text[..20_000]);
    let cut = beginning(&packed[..packed.len() / 2]);
    assert_eq!((cut.encoding, cut.packing), ("UTF-16LE", vec!["gzip"]));
}

#[test]
fn archives_within_archives_are_read_and_no_further() {
    let inner = zip(&[member("x.csv", good())]);
    for outer in [zip, tar] {
        let two = outer(&[member("inner.zip", inner.clone())]);
        assert_eq!(read_one("a", &two).activities.len(), 3);
        let three = read_one("a", &outer(&[member("b", two), member("good.csv", good())]));
        assert_eq!(three.activities.len(), 3);
        assert_eq!(three.skipped, ["a/b/inner.zip: an archive within an archive within an archive: unpack it"]);
    }
    let many: Vec<Member> = (0..110).map(|number| member(&format!("{number:03}.zip"), inner.clone())).collect();
    let outcome = read_one("a", &tar(&many));
    assert_eq!((outcome.activities.len(), outcome.skipped.len()), (300, 10));
    assert!(outcome.skipped[0].contains("one of too many archives"), "{:?}", outcome.skipped);
}

#[test]
fn members_beyond_ten_thousand_are_not_read() {
    let mut members = vec![member("0.csv", good())];
    members.extend((0..10_002).map(|number| member(&format!("x{number}"), "x")));
    for (archive, name) in [(zip(&members), "zip"), (tar(&members), "tar")] {
        let outcome = read_one(name, &archive);
        assert_eq!((outcome.activities.len(), outcome.skipped.len()), (3, 10_000));
        let too_many = format!("{name}: more than 10000 members: the rest is not read");
        assert!(outcome.skipped.contains(&too_many), "{:?}", &outcome.skipped[..3]);
    }
}

#[test]
fn what_unpacks_to_too_much_is_read_up_to_there() {
    let bomb = [good().into_bytes(), vec![b'\n'; 80 << 20]].concat();
    for (name, bytes) in [("a.bz2", bzip2(&bomb)), ("a.zip", zip(&[member("a.csv", bomb)]))] {
        let outcome = read_one(name, &bytes);
        assert_eq!(outcome.activities.len(), 3, "{name}");
        assert!(outcome.rejects[0].contains("they unpack to more than 200 times their size"), "{:?}", outcome.rejects);
    }
    // Each layer by itself is within the bounds.
    let layers = gzip(&tar(&[member("a.csv", gzip(&[good().into_bytes(), vec![b'\n'; 30 << 20]].concat()))]));
    let outcome = read_one("a.tar.gz", &layers);
    assert!(outcome.rejects[0].contains("more than 200 times"), "{outcome:?}");
}

#[test]
fn members_that_share_their_bytes_are_left_out() {
    let archive = zip(&[member("a.csv", good())]);
    // The list, which is behind the member, has it twice.
    let list = memchr_find(&archive, b"PK\x01\x02\x00").or_else(|| memchr_find(&archive, b"PK\x01\x02")).unwrap();
    let end = memchr_find(&archive, b"PK\x05\x06").unwrap();
    let entries = &archive[list..end];
    let file = entries.len() / 2;
    assert!(file > 0);
    let mut doubled = [&archive[..list], entries, entries, &archive[end..]].concat();
    let at = doubled.len() - 22;
    for (offset, value) in [(8, 4_u16), (10, 4)] {
        doubled[at + offset..at + offset + 2].copy_from_slice(&value.to_le_bytes());
    }
    let size = u32::try_from(entries.len() * 2).unwrap();
    doubled[at + 12..at + 16].copy_from_slice(&size.to_le_bytes());
    let outcome = read_one("a.zip", &doubled);
    assert_eq!(outcome.activities.len(), 3);
    assert_eq!(outcome.skipped, ["a.zip/a.csv: shares its bytes with another member: the zip is damaged"]);
}

fn memchr_find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_read() {
    let archive = zip(&[member("a.csv", good()), member("b.csv", good()), member("c.csv", good())]);
    // Flags are 8 bytes behind the start of an entry of the list, the method 10; the first entry is a folder.
    let starts: Vec<usize> =
        archive.windows(4).enumerate().filter(|(_, four)| *four == b"PK\x01\x02").map(|(at, _)| at).collect();
    let mut odd = archive.clone();
    odd[starts[1] + 8] |= 1;
    odd[starts[2] + 10] = 95;
    let outcome = read_one("a.zip", &odd);
    assert_eq!(outcome.activities.len(), 3);
    let expected = [
        "a.zip/a.csv: encrypted: unpack it",
        "a.zip/b.csv: packed by the method 95 (XZ), which is not read: unpack it",
    ];
    assert_eq!(outcome.skipped, expected);
    // A wrong checksum.
    let mut damaged = archive.clone();
    damaged[starts[1] + 16] ^= 1;
    let outcome = read_one("a.zip", &damaged);
    assert_eq!(outcome.activities.len(), 9);
    assert!(outcome.rejects[0].contains("the checksum of a member of a zip is wrong"), "{:?}", outcome.rejects);
    // The first byte of data, behind the name: a block of a kind that there is not.
    let mut damaged = archive.clone();
    let data = memchr_find(&archive, b"a.csv").unwrap() + "a.csv".len();
    damaged[data] = 0xff;
    let outcome = read_one("a.zip", &damaged);
    assert_eq!(outcome.activities.len(), 6);
    let [skipped] = &outcome.skipped[..] else { panic!("{outcome:?}") };
    assert!(skipped.starts_with("a.zip/a.csv: cannot be unpacked: the packed bytes are damaged"), "{skipped}");
    let office = zip(&[member("[Content_Types].xml", "<x/>")]);
    assert_eq!(
        read_one("a.xlsx", &office).skipped,
        ["a.xlsx: an office document, such as an Excel workbook: save it as CSV"]
    );
}
