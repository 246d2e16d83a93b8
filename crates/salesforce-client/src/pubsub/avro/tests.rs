//! Tests of decoding events.

use super::*;
use apache_avro::types::Record;
use apache_avro::writer::datum::GenericDatumWriter;
use proptest::prelude::*;

const EVENT: &str = r#"{"type":"record","name":"ListViewEventStream","namespace":"com.sforce.eventbus","fields":[
    {"name":"CreatedDate","type":"long","doc":"CreatedDate:DateTime"},
    {"name":"EventDate","type":["null","long"],"default":null},
    {"name":"RowsProcessed","type":["null","double"],"default":null},
    {"name":"NumberOfColumns","type":["null","int"],"default":null},
    {"name":"Scope","type":["null","string"],"default":null},
    {"name":"IsLast","type":["null","boolean"],"default":null}]}"#;
/// The event's schema a release later: fields were added and moved.
const LATER: &str = r#"{"type":"record","name":"ListViewEventStream","namespace":"com.sforce.eventbus","fields":[
    {"name":"Scope","type":["null","string"],"default":null},
    {"name":"ProfileId","type":["null","string"],"default":null},
    {"name":"EventDate","type":["null","long"],"default":null},
    {"name":"CreatedDate","type":"long","doc":"CreatedDate:DateTime"}]}"#;
const RICH: &str = r#"{"type":"record","name":"R","fields":[
    {"name":"Kind","type":{"type":"enum","name":"E","symbols":["A","B"]}},
    {"name":"Raw","type":"bytes"},
    {"name":"Odd","type":"bytes"},
    {"name":"List","type":["null",{"type":"array","items":["null","string"]}]},
    {"name":"Map","type":{"type":"map","values":"double"}},
    {"name":"Inner","type":["null",{"type":"record","name":"I","fields":[{"name":"Id","type":["null","string"]},{"name":"N","type":"int"}]}]},
    {"name":"Float","type":"float"}]}"#;

fn schema(json: &str) -> Schema {
    read_schema(json).unwrap()
}

/// Encodes an event as Salesforce does: without header and schema.
fn encode(schema: &Schema, fields: Vec<(&str, Value)>) -> Vec<u8> {
    let mut record = Record::new(schema).unwrap();
    for (name, value) in fields {
        record.put(name, value);
    }
    GenericDatumWriter::builder(schema).build().unwrap().write_value_to_vec(record).unwrap()
}

fn some(value: Value) -> Value {
    Value::Union(1, Box::new(value))
}

fn null() -> Value {
    Value::Union(0, Box::new(Value::Null))
}

fn event() -> Vec<u8> {
    let fields = vec![
        ("CreatedDate", Value::Long(1_772_461_912_867)),
        ("EventDate", some(Value::Long(1_772_461_912_000))),
        ("RowsProcessed", some(Value::Double(-1.0))),
        ("NumberOfColumns", some(Value::Int(7))),
        ("Scope", null()),
        ("IsLast", some(Value::Boolean(true))),
    ];
    encode(&schema(EVENT), fields)
}

fn shown(fields: Result<Vec<(String, Scalar<'static>)>, String>) -> String {
    let line = |(name, value): (String, Scalar<'static>)| format!("{name} = {value:?}");
    fields.unwrap().into_iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn an_event_is_decoded_into_its_fields() {
    assert_eq!(name(&schema(EVENT)), "ListViewEventStream");
    insta::assert_snapshot!(shown(decode(&schema(EVENT), &event())), @r#"
    CreatedDate = Number(1772461912867.0)
    EventDate = Number(1772461912000.0)
    RowsProcessed = Number(-1.0)
    NumberOfColumns = Number(7.0)
    Scope = Null
    IsLast = Bool(true)
    "#);
}

#[test]
fn fields_may_be_added_and_moved() {
    let later = schema(LATER);
    let fields = vec![
        ("Scope", some(Value::String("Team".to_owned()))),
        ("ProfileId", some(Value::String("00e".to_owned()))),
        ("EventDate", null()),
        ("CreatedDate", Value::Long(1)),
    ];
    insta::assert_snapshot!(shown(decode(&later, &encode(&later, fields))), @r#"
    Scope = Text("Team")
    ProfileId = Text("00e")
    EventDate = Null
    CreatedDate = Number(1.0)
    "#);
}

#[test]
fn composite_values_become_json_text() {
    let rich = schema(RICH);
    let inner =
        Value::Record(vec![("Id".to_owned(), some(Value::String("x".to_owned()))), ("N".to_owned(), Value::Int(3))]);
    let fields = vec![
        ("Kind", Value::Enum(1, "B".to_owned())),
        ("Raw", Value::Bytes(b"words".to_vec())),
        ("Odd", Value::Bytes(vec![0xff, 0x00])),
        ("List", some(Value::Array(vec![some(Value::String("a".to_owned())), null()]))),
        ("Map", Value::Map([("k".to_owned(), Value::Double(1.5))].into())),
        ("Inner", some(inner)),
        ("Float", Value::Float(0.5)),
    ];
    insta::assert_snapshot!(shown(decode(&rich, &encode(&rich, fields))), @r#"
    Kind = Text("B")
    Raw = Text("words")
    Odd = Text("/wA=")
    List = Text("[\"a\",null]")
    Map = Text("{\"k\":1.5}")
    Inner = Text("{\"Id\":\"x\",\"N\":3}")
    Float = Number(0.5)
    "#);
}

#[test]
fn a_truncated_payload_is_refused() {
    let whole = event();
    for length in 0..whole.len() {
        let problem = decode(&schema(EVENT), &whole[..length]).unwrap_err();
        assert!(problem.starts_with("the event does not match its schema"), "{length}: {problem}");
    }
}

#[test]
fn a_payload_with_bytes_left_over_is_refused() {
    let mut longer = event();
    longer.push(0);
    let problem = "the event does not match its schema: 1 bytes are left over";
    assert_eq!(decode(&schema(EVENT), &longer), Err(problem.to_owned()));
}

#[test]
fn an_invalid_schema_is_refused() {
    for json in ["", "{}", "\"string\"", r#"{"type":"record","name":"R"}"#, "<html>"] {
        assert!(read_schema(json).is_err(), "{json}");
    }
}

/// Whether decoding returns all fields of the schema, or an error.
fn is_read_or_refused(schema: &Schema, payload: &[u8]) -> bool {
    let Schema::Record(record) = schema else { return false };
    match decode(schema, payload) {
        Ok(fields) => fields.iter().map(|(name, _)| name).eq(record.fields.iter().map(|field| &field.name)),
        Err(problem) => !problem.is_empty(),
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for json in [EVENT, LATER, RICH] {
            prop_assert!(is_read_or_refused(&schema(json), &bytes));
        }
    }

    #[test]
    fn a_changed_byte_is_read_or_refused(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = event();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        prop_assert!(is_read_or_refused(&schema(EVENT), &bytes));
    }
}

#[test]
fn a_schema_with_an_invalid_name_is_refused() {
    let named = |name: &str| EVENT.replace("ListViewEventStream", name);
    assert!(read_schema(&named("ListView|EventStream")).is_err());
    assert!(read_schema(&named("")).is_err());
    let field = EVENT.replace(r#"["null","double"]"#, r#"["null","dou(ble"]"#);
    assert!(read_schema(&field).is_err());
}
