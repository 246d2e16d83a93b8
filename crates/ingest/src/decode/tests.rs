use super::*;
use crate::testing::{ORG, gzip, id, record, records, zstd};
use model::Uuid;
use proptest::prelude::*;

const NOW: Timestamp = Timestamp(1_800_000_000_000);
const MAX: u64 = 1 << 20;

fn read(body: &[u8], packing: Packing) -> Result<Decoded, DecodeError> {
    decode(body, packing, &OrgId::new(ORG), MAX, NOW)
}

fn ids(decoded: &Decoded) -> Vec<String> {
    decoded.activities.iter().map(|activity| activity.id.to_string()).collect()
}

/// Reads `body`, and expects these events and nothing else.
#[track_caller]
fn check(body: impl AsRef<[u8]>, packing: Packing, numbers: &[u32]) {
    let decoded = read(body.as_ref(), packing).unwrap();
    let expected: Vec<String> = numbers.iter().map(|number| id(*number)).collect();
    assert_eq!(ids(&decoded), expected);
    assert_eq!((decoded.rejects.len(), decoded.ignored), (0, 0));
}

#[test]
fn every_format_is_read() {
    let (one, two) = (record(1, "a", ""), record(2, "b", ""));
    check(format!("{one}\n{two}\n"), Packing::Detect, &[1, 2]);
    check(&one, Packing::Detect, &[1]);
    check(format!("[{one},\n{two}]"), Packing::Detect, &[1, 2]);
    check(format!(r#"{{"totalSize":2,"done":true,"records":[{two},{one}]}}"#), Packing::Detect, &[2, 1]);
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
    let decoded = read(ROWS.as_bytes(), Packing::Detect).unwrap();
    let first = ids(&decoded);
    assert_eq!(first.len(), 2);
    assert_ne!(first.first(), first.last());
    assert_eq!(ids(&read(ROWS.as_bytes(), Packing::Detect).unwrap()), first, "sent again they are the same");
    let [short, foreign] = decoded.rejects.as_slice() else { panic!("{:?}", decoded.rejects) };
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
    let org = OrgId::new(ORG);
    let text = records(0..100);
    let (length, packed) = (text.len() as u64, gzip(text.as_bytes()));
    assert_eq!(decode(&packed, Packing::Gzip, &org, length, NOW).unwrap().activities.len(), 100);
    for body in [packed, zstd(text.as_bytes()), text.into_bytes()] {
        let error = decode(&body, Packing::Detect, &org, length - 1, NOW).unwrap_err();
        assert!(matches!(error, DecodeError::TooLarge(bytes) if bytes == length - 1), "{error:?}");
    }
    let bomb = gzip(&[records([1]).as_bytes(), &vec![b' '; 200 << 20]].concat());
    assert!(matches!(decode(&bomb, Packing::Gzip, &org, MAX, NOW), Err(DecodeError::TooLarge(MAX))));
}

#[test]
fn a_broken_body_is_refused() {
    let text = records(0..500);
    for whole in [gzip(text.as_bytes()), zstd(text.as_bytes())] {
        let half = &whole[..whole.len() / 2];
        assert!(matches!(read(half, Packing::Detect), Err(DecodeError::Broken { .. })));
    }
    for packing in [Packing::Gzip, Packing::Zstd] {
        assert!(matches!(read(text.as_bytes(), packing), Err(DecodeError::Broken { line: 1, .. })));
    }
}

#[test]
fn garbage_has_no_format() {
    for body in ["", "  ", "hello", "<xml/>", "name,age\nx,1\n"] {
        assert!(matches!(read(body.as_bytes(), Packing::Detect), Err(DecodeError::UnknownFormat)), "{body:?}");
    }
}

#[test]
fn unreadable_records_are_set_aside_with_their_line() {
    let other = record(3, "c", r#","OrganizationId":"00Dxx0000000001""#);
    let same = record(4, "d", &format!(r#","OrganizationId":"{ORG}""#));
    let far = record(5, &"u".repeat(600), "");
    let unwatched = r#"{"attributes":{"type":"LightningErrorEvent"},"EventDate":"2026-03-02T00:00:00Z","UserId":"a"}"#;
    let lines = [&record(1, "a", ""), "{no json", &other, &same, r#"{"a":1}"#, &far, unwatched];
    let decoded = read(lines.join("\n").as_bytes(), Packing::Detect).unwrap();
    assert_eq!(ids(&decoded), [id(1), id(4)]);
    assert!(decoded.activities.iter().all(|a| a.org_id.as_str() == ORG && a.received_at == Some(NOW)));
    assert_eq!(decoded.ignored, 1);
    insta::assert_snapshot!(serde_json::to_string_pretty(&decoded.rejects).unwrap(), @r#"
    [
      {
        "line": 2,
        "reason": "not a JSON object: key must be a string at line 1 column 2 of the record"
      },
      {
        "line": 5,
        "reason": "no event type: attributes.type, channel and EVENT_TYPE are missing"
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

proptest! {
    #[test]
    fn any_body_is_read_or_refused(body: Vec<u8>, packing in 0..3_u8) {
        let packing = [Packing::Detect, Packing::Gzip, Packing::Zstd][usize::from(packing)];
        if let Ok(decoded) = read(&body, packing) {
            prop_assert!(decoded.activities.iter().all(|activity| activity.id != Uuid::nil()));
        }
    }

    #[test]
    fn damaged_bodies_give_no_more_activities(at in 0..2000_usize, byte: u8, packed in 0..3_u8) {
        let text = records(0..100);
        let mut body = match packed {
            0 => text.clone().into_bytes(),
            1 => gzip(text.as_bytes()),
            _ => zstd(text.as_bytes()),
        };
        let at = at % body.len();
        body[at] = byte;
        if let Ok(decoded) = read(&body, Packing::Detect) {
            prop_assert!(decoded.activities.len() <= 100);
        }
    }
}
