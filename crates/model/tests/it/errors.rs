//! Errors for messages that cannot be decoded.

use crate::examples;
use model::codec::{Message, WireError};
use model::{Activity, Finding, Incident, Observation, wire};

/// Returns the error of decoding `example` after `damage` changed its wire form.
fn error<M: Message, W: prost::Message + Default>(example: &M, damage: impl FnOnce(&mut W)) -> String {
    let mut wire = W::decode(example.encode().as_slice()).unwrap();
    damage(&mut wire);
    M::decode(&wire.encode_to_vec()).err().unwrap().to_string()
}

fn activity_error(damage: impl FnOnce(&mut wire::Activity)) -> String {
    error::<Activity, _>(&examples::activity(), damage)
}

fn observation_error(damage: impl FnOnce(&mut wire::Observation)) -> String {
    error::<Observation, _>(&examples::observation(), damage)
}

fn finding_error(damage: impl FnOnce(&mut wire::Finding)) -> String {
    error::<Finding, _>(&examples::finding(), damage)
}

fn incident_error(damage: impl FnOnce(&mut wire::Incident)) -> String {
    error::<Incident, _>(&examples::incident(), damage)
}

#[test]
fn random_bytes_are_undecodable() {
    let bytes = [0xff, 0xff, 0xff, 0xff];
    assert!(matches!(Activity::decode(&bytes), Err(WireError::Undecodable(_))));
    assert!(matches!(Observation::decode(&bytes), Err(WireError::Undecodable(_))));
    assert!(matches!(Finding::decode(&bytes), Err(WireError::Undecodable(_))));
    assert!(matches!(Incident::decode(&bytes), Err(WireError::Undecodable(_))));
}

#[test]
fn a_truncated_message_is_an_error() {
    let bytes = examples::finding().encode();
    let (most, _) = bytes.split_at(bytes.len() - 1);
    assert!(matches!(Finding::decode(most), Err(WireError::Undecodable(_))));
}

#[test]
fn an_empty_message_misses_its_first_required_field() {
    let text = |error: Option<WireError>| error.unwrap().to_string();
    assert_eq!(text(Activity::decode(&[]).err()), "field id: not a uuid of 16 bytes");
    assert_eq!(text(Observation::decode(&[]).err()), "field org_id: missing");
    assert_eq!(text(Finding::decode(&[]).err()), "field finding_id: not a uuid of 16 bytes");
    assert_eq!(text(Incident::decode(&[]).err()), "field incident_id: not a uuid of 16 bytes");
}

#[test]
fn unknown_numbers_are_named() {
    assert_eq!(activity_error(|wire| wire.kind = 99), "field kind: unknown number 99");
    assert_eq!(activity_error(|wire| wire.channel = 0), "field channel: unknown number 0");
    assert_eq!(activity_error(|wire| wire.outcome = -1), "field outcome: unknown number -1");
    assert_eq!(activity_error(|wire| wire.scope = Some(0)), "field scope: unknown number 0");
    assert_eq!(observation_error(|wire| wire.user_class = 6), "field user_class: unknown number 6");
    assert_eq!(finding_error(|wire| wire.severity = 5), "field severity: unknown number 5");
    assert_eq!(finding_error(|wire| wire.source = Some(9)), "field source: unknown number 9");
    assert_eq!(incident_error(|wire| wire.receipt.as_mut().unwrap().model = 3), "field model: unknown number 3");
}

#[test]
fn missing_fields_are_named() {
    assert_eq!(activity_error(|wire| wire.org_id = "  ".to_owned()), "field org_id: missing");
    assert_eq!(activity_error(|wire| wire.user_id.clear()), "field user_id: missing");
    assert_eq!(activity_error(|wire| wire.source_ip = Some(wire::SourceIp::default())), "field source_ip: missing");
    assert_eq!(observation_error(|wire| wire.features = vec![wire::Feature::default()]), "field features: missing");
    assert_eq!(finding_error(|wire| wire.user_id.clear()), "field user_id: missing");
    assert_eq!(incident_error(|wire| wire.receipt = None), "field receipt: missing");
}

#[test]
fn missing_parts_of_features_are_named() {
    use wire::feature::Value;
    let damaged = |value| observation_error(|wire| wire.features = vec![wire::Feature { value: Some(value) }]);
    let volume = wire::Volume { source: 1, ..wire::Volume::default() };
    assert_eq!(damaged(Value::Volume(volume)), "field day: missing");
    assert_eq!(damaged(Value::Burst(wire::Burst::default())), "field usual: missing");
    let first = wire::First { usual: Some(wire::Rate::default()), ..wire::First::default() };
    assert_eq!(damaged(Value::Object(first)), "field request: missing");
}

#[test]
fn identifiers_are_sixteen_bytes() {
    assert_eq!(activity_error(|wire| wire.id.truncate(15)), "field id: not a uuid of 16 bytes");
    assert_eq!(finding_error(|wire| wire.finding_id.push(0)), "field finding_id: not a uuid of 16 bytes");
    assert_eq!(finding_error(|wire| wire.event_ids.push(vec![])), "field event_ids: not a uuid of 16 bytes");
    assert_eq!(incident_error(|wire| wire.incident_id = vec![1; 36]), "field incident_id: not a uuid of 16 bytes");
}

#[test]
fn addresses_are_four_or_sixteen_bytes() {
    let address = wire::source_ip::Value::Address(vec![10, 0, 0]);
    assert_eq!(
        activity_error(|wire| wire.source_ip = Some(wire::SourceIp { value: Some(address) })),
        "field source_ip: not an address of 4 or 16 bytes"
    );
}

#[test]
fn points_out_of_range_are_refused() {
    assert_eq!(incident_error(|wire| wire.risk_score = u32::MAX), "field risk_score: 4294967295 is out of range");
}

#[test]
fn errors_of_nested_messages_are_returned() {
    assert_eq!(
        incident_error(|wire| wire.findings.iter_mut().for_each(|finding| finding.severity = 77)),
        "field severity: unknown number 77"
    );
    assert_eq!(observation_error(|wire| wire.activity.as_mut().unwrap().user_id.clear()), "field user_id: missing");
}

#[test]
fn fields_of_a_newer_sender_are_skipped() {
    let finding = examples::finding();
    let mut bytes = finding.encode();
    prost::encoding::string::encode(900, &"from the future".to_owned(), &mut bytes);
    assert_eq!(Finding::decode(&bytes).unwrap(), finding);
}
