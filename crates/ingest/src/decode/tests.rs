mod archives;

use super::*;
use crate::testing::{ORG, gzip, id, record, records, zstd};
use archives::{tar, zip};
use model::{OrgId, Uuid};
use proptest::prelude::*;

const NOW: Timestamp = Timestamp(1_800_000_000_000);
const MAX: u64 = 1 << 20;

/// What a body gave.
#[derive(Debug)]
struct Whole {
    activities: Vec<Activity>,
    decoded: Decoded,
}

fn of_org() -> Context {
    Context { org: Some(OrgId::new(ORG)), ..Context::default() }
}

fn read_up_to(body: &[u8], packing: Packing, max_bytes: u64) -> Result<Whole, DecodeError> {
    let mut activities = Vec::new();
    let take = |batch: Vec<Activity>| {
        assert!(batch.len() < BATCH + CHUNK / 20, "{}", batch.len());
        activities.extend(batch);
        true
    };
    let decoded = decode(body.into(), packing, of_org(), max_bytes, NOW, take)?;
    assert_eq!(decoded.accepted, activities.len());
    Ok(Whole { activities, decoded })
}

fn read(body: &[u8], packing: Packing) -> Result<Whole, DecodeError> {
    read_up_to(body, packing, MAX)
}

fn ids(read: &Whole) -> Vec<String> {
    read.activities.iter().map(|activity| activity.id.to_string()).collect()
}

/// Reads `body`, and expects these events and nothing else.
#[track_caller]
fn check(body: impl AsRef<[u8]>, packing: Packing, numbers: &[u32]) {
    let whole = read(body.as_ref(), packing).unwrap();
    let expected: Vec<String> = numbers.iter().map(|number| id(*number)).collect();
    assert_eq!(ids(&whole), expected);
    let Decoded { rejects, counts, cut_off, .. } = whole.decoded;
    assert_eq!((rejects.total, counts.ignored(), cut_off), (0, 0, None));
}

#[test]
fn every_format_is_read() {
    let (one, two) = (record(1, "a", ""), record(2, "b", ""));
    check(format!("{one}\n{two}\n"), Packing::Detect, &[1, 2]);
    check(&one, Packing::Detect, &[1]);
    check(format!("[{one},\n{two}]"), Packing::Detect, &[1, 2]);
    check(format!(r#"{{"totalSize":2,"done":true,"records":[{two},{one}]}}"#), Packing::Detect, &[2, 1]);
}

#[test]
fn every_form_of_the_same_events_is_read() {
    let all: Vec<u32> = (0..30).collect();
    let text = records(0..30);
    let joined = text.replace('\n', "");
    let page = |text: &str| format!(r#"{{"statusCode":200,"body":{{"value":[{}]}}}}"#, text.trim().replace('\n', ","));
    let utf_16 = |bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
    check(&joined, Packing::Detect, &all);
    check(gzip(joined.as_bytes()), Packing::Gzip, &all);
    check(page(&text), Packing::Detect, &all);
    check(format!("Warning: update available\n{}", page(&text)), Packing::Detect, &all);
    check(text.replace('\n', "\r"), Packing::Detect, &all);
    check(text.replace('\n', "\r\n\u{feff}"), Packing::Detect, &all);
    check(utf_16(u16::to_le_bytes), Packing::Detect, &all);
    check(zstd(&utf_16(u16::to_be_bytes)), Packing::Detect, &all);
    let rows = ROWS.lines().take(3).collect::<Vec<_>>().join("\n");
    let expected = ids(&read(rows.as_bytes(), Packing::Detect).unwrap());
    for (from, to) in [(",", ";"), (",", "\t"), (",", " | "), ("\n", ",\r\n")] {
        let dialect = format!("# exported\n{}", rows.replace(from, to.trim_start_matches(' ')));
        assert_eq!(ids(&read(dialect.as_bytes(), Packing::Detect).unwrap()), expected, "{dialect}");
    }
}

const ROWS: &str = "\
\"EVENT_TYPE\",\"TIMESTAMP_DERIVED\",\"REQUEST_ID\",\"ORGANIZATION_ID\",\"USER_ID\",\"METHOD_NAME\"
\"API\",\"2026-03-02T14:31:52.867Z\",\"r1\",\"00Dhn0000018hrc\",\"005hn00000EmmaM\",\"query\"
\"API\",\"2026-03-02T14:31:52.867Z\",\"r1\",\"00Dhn0000018hrc\",\"005hn00000EmmaM\",\"query\"
\"API\",\"2026-03-02T14:31:52.867Z\",\"r1\",\"00Dhn0000018hrc\",\"005hn00000EmmaM\"
\"API\",\"2026-03-02T14:31:52.867Z\",\"r1\",\"00Dxx0000000001\",\"005hn00000EmmaM\",\"query\"
";

#[test]
fn equal_rows_of_a_log_file_have_different_ids() {
    let whole = read(ROWS.as_bytes(), Packing::Detect).unwrap();
    let first = ids(&whole);
    assert_eq!(first.len(), 2);
    assert_ne!(first.first(), first.last());
    assert_eq!(ids(&read(ROWS.as_bytes(), Packing::Detect).unwrap()), first, "sent again they are the same");
    let [short, foreign] = whole.decoded.rejects.first.as_slice() else { panic!("{whole:?}") };
    assert_eq!((short.line, short.reason.as_str()), (Some(4), "5 fields, but the header has 6"));
    assert!(foreign.line.is_none() && foreign.reason.contains("org 00Dxx0000000001"), "{foreign:?}");
}

#[test]
fn compression_is_detected_by_header_or_content() {
    let text = records(0..500);
    let all: Vec<u32> = (0..500).collect();
    for packing in [Packing::Detect, Packing::Gzip] {
        check(gzip(text.as_bytes()), packing, &all);
    }
    for packing in [Packing::Detect, Packing::Zstd] {
        check(zstd(text.as_bytes()), packing, &all);
    }
}

#[test]
fn all_members_and_frames_are_read() {
    let (one, two) = (records([1]), records([2]));
    check([gzip(one.as_bytes()), gzip(two.as_bytes())].concat(), Packing::Detect, &[1, 2]);
    let skipped = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"abc"].concat();
    let frames = [zstd(one.as_bytes()), skipped.clone(), zstd(two.as_bytes()), skipped].concat();
    check(frames, Packing::Detect, &[1, 2]);
}

#[test]
fn content_encodings() {
    let check = |name, expect| assert_eq!(Packing::from_content_encoding(name), expect, "{name}");
    check("", Some(Packing::Detect));
    check("identity", Some(Packing::Detect));
    check(" GZip ", Some(Packing::Gzip));
    check("x-gzip", Some(Packing::Gzip));
    check("zstd", Some(Packing::Zstd));
    check("br", None);
    check("gzip, gzip", None);
}

#[test]
fn a_body_is_unpacked_up_to_the_limit() {
    let text = records(0..100);
    let (length, packed) = (text.len() as u64, gzip(text.as_bytes()));
    assert_eq!(read_up_to(&packed, Packing::Gzip, length).unwrap().activities.len(), 100);
    for body in [packed, zstd(text.as_bytes()), text.into_bytes()] {
        let error = read_up_to(&body, Packing::Detect, length - 1).unwrap_err();
        assert!(matches!(error, DecodeError::TooLarge(bytes) if bytes == length - 1), "{error:?}");
    }
    let bomb = gzip(&[records([1]).as_bytes(), &vec![b' '; 200 << 20]].concat());
    assert!(matches!(read(&bomb, Packing::Gzip), Err(DecodeError::TooLarge(MAX))));
}

#[test]
fn a_body_that_is_cut_off_gives_the_records_before_and_says_where() {
    // The short one breaks off within the head.
    let (short, long) = (records(0..20), records(0..5_000));
    for whole in [gzip(short.as_bytes()), gzip(long.as_bytes()), zstd(long.as_bytes())] {
        let half = &whole[..whole.len() - 9];
        let read = read(half, Packing::Detect).unwrap();
        let found = ids(&read);
        let Decoded { accepted, rejects, cut_off, .. } = read.decoded;
        let cut_off = cut_off.unwrap();
        assert!(accepted > 0 && cut_off.line == Some(accepted as u64 + 1), "{accepted} before {cut_off:?}");
        assert_eq!((rejects.total, rejects.first), (1, vec![cut_off.clone()]));
        let place = format!("the packed bytes are cut off at byte {}, after ", half.len());
        assert!(cut_off.reason.contains(&place), "{cut_off:?}");
        assert_eq!(found, (0..accepted as u32).map(id).collect::<Vec<_>>());
    }
}

#[test]
fn nothing_of_a_damaged_body_is_handed_over() {
    let text = records(0..2_000);
    let refused = |body: &[u8], packing| {
        let take = |batch: Vec<Activity>| {
            assert!(batch.is_empty());
            true
        };
        let error = decode(body.into(), packing, of_org(), MAX, NOW, take).unwrap_err();
        assert!(matches!(error, DecodeError::Broken { .. }), "{error:?}");
    };
    for (mut whole, from_end) in [(gzip(text.as_bytes()), 8), (zstd(text.as_bytes()), 4)] {
        let at = whole.len() - from_end;
        whole[at] ^= 1;
        refused(&whole, Packing::Detect);
        refused(&whole[..3], Packing::Gzip);
    }
    for packing in [Packing::Gzip, Packing::Zstd] {
        refused(text.as_bytes(), packing);
    }
}

#[test]
fn rejects_are_counted_and_the_first_are_kept() {
    let text = record(1, "a", "") + "\n" + &"{}\n".repeat(300_000);
    let Decoded { accepted, rejects, .. } = read(text.as_bytes(), Packing::Detect).unwrap().decoded;
    assert_eq!((accepted, rejects.total, rejects.first.len()), (1, 300_000, MAX_REJECTS));
    assert_eq!(rejects.first.last().unwrap().line, Some(101));
}

#[test]
fn decoding_ends_when_nobody_takes_its_batches() {
    let text = "{}\n".repeat(300_000);
    for wanted in [0, 1, 20] {
        let mut asked = 0;
        let take = |_: Vec<Activity>| {
            asked += 1;
            asked <= wanted
        };
        let error = decode(text.as_bytes().into(), Packing::Detect, of_org(), MAX, NOW, take).unwrap_err();
        assert!(matches!(error, DecodeError::Canceled), "{error:?}");
        assert_eq!(asked, wanted + 1);
    }
}

#[test]
fn garbage_has_no_format() {
    let check = |body: &str, expect: &str| {
        assert_eq!(read(body.as_bytes(), Packing::Detect).unwrap_err().to_string(), expect, "{body:?}");
    };
    check("", "no events: empty");
    check("  ", "no events: empty");
    check("hello", "no events: not JSON or CSV");
    check("<xml/>", "no events: XML, not events");
    check("name,age\nx,1\n", "no events: not JSON or CSV");
    check("[]", "no events: JSON without records");
}

#[test]
fn unreadable_records_are_set_aside_with_their_line() {
    let other = record(3, "c", r#","OrganizationId":"00Dxx0000000001""#);
    let same = record(4, "d", &format!(r#","OrganizationId":"{ORG}""#));
    let far = record(5, &"u".repeat(600), "");
    let unwatched = r#"{"attributes":{"type":"LightningErrorEvent"},"EventDate":"2026-03-02T00:00:00Z","UserId":"a"}"#;
    let lines = [&record(1, "a", ""), "{no json", &other, &same, r#"{"a":1}"#, &far, unwatched];
    let whole = read(lines.join("\n").as_bytes(), Packing::Detect).unwrap();
    assert_eq!(ids(&whole), [id(1), id(4)]);
    assert!(whole.activities.iter().all(|a| a.org_id.as_str() == ORG && a.received_at == Some(NOW)));
    assert_eq!(whole.decoded.counts.not_watched, [("LightningErrorEvent".into(), 1)].into());
    assert_eq!(whole.decoded.rejects.faults.of("its org is not the org of this token"), 1);
    insta::assert_snapshot!(serde_json::to_string_pretty(&whole.decoded.rejects.first).unwrap(), @r#"
    [
      {
        "line": 2,
        "reason": "not a JSON object: key must be a string at line 1 column 2 of the record"
      },
      {
        "line": 5,
        "reason": "no event type: neither the record nor its envelope, the file's name or the columns say it; give it with --type"
      },
      {
        "line": 6,
        "reason": "the id of the user has more than 255 bytes"
      },
      {
        "line": null,
        "reason": "event 7d0c2b1e-4f6a-4c1e-9a70-000000000003: its org 00Dxx0000000001EAA is not the org of this token"
      }
    ]
    "#);
}

#[test]
fn many_records_with_one_fault_are_one_line() {
    let bad = (0..1_000).map(|n| record(n, "a", "").replace("2026-03-02T", &format!("{n} mars ")) + "\n");
    let whole = read(bad.collect::<String>().as_bytes(), Packing::Detect).unwrap();
    let faults: Vec<_> = whole.decoded.rejects.faults.iter().collect();
    let [(fault, found)] = &faults[..] else { panic!("{faults:?}") };
    assert_eq!((*fault, found.count, found.first.line), ("no time: EventDate is not a time", 1_000, Some(1)));
}

proptest! {
    #[test]
    fn any_body_is_read_or_refused(body: Vec<u8>, packing in 0..3_u8) {
        let packing = [Packing::Detect, Packing::Gzip, Packing::Zstd][usize::from(packing)];
        if let Ok(decoded) = read(&body, packing) {
            prop_assert!(decoded.activities.iter().all(|activity| activity.id != Uuid::nil()));
        }
    }

    #[test]
    fn damaged_bodies_give_no_more_activities(at in 0..2000_usize, byte: u8, packed in 0..5_u8) {
        let text = records(0..100);
        let mut body = match packed {
            0 => text.clone().into_bytes(),
            1 => gzip(text.as_bytes()),
            2 => zip(&[("a", text.clone().into_bytes())]),
            3 => gzip(&tar(&[("a", text.clone().into_bytes())])),
            _ => zstd(text.as_bytes()),
        };
        let at = at % body.len();
        body[at] = byte;
        if let Ok(decoded) = read(&body, Packing::Detect) {
            prop_assert!(decoded.activities.len() <= 100);
        }
    }
}
