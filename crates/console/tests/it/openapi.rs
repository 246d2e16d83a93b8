//! The description of the API. A change of the snapshot is a change of the contract.

#[test]
fn the_description_is_as_it_was() {
    insta::assert_json_snapshot!(console::openapi());
}

#[test]
fn every_operation_is_documented() {
    for (path, item) in console::openapi().paths.paths {
        for operation in [item.get, item.post, item.put, item.patch, item.delete].into_iter().flatten() {
            assert!(operation.summary.is_some() && operation.tags.is_some(), "{path}");
            assert!(operation.operation_id.is_some(), "{path}");
            let answers: Vec<&String> = operation.responses.responses.keys().collect();
            assert!(path == "/v1/openapi.json" || answers.iter().any(|status| *status == "401"), "{path}: {answers:?}");
        }
    }
}

#[test]
fn every_reference_leads_to_a_schema() {
    let description = serde_json::to_value(console::openapi()).unwrap();
    let (mut waiting, mut references) = (vec![&description], 0);
    while let Some(value) = waiting.pop() {
        if let Some(reference) = value["$ref"].as_str() {
            references += 1;
            assert!(description.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
        }
        waiting.extend(value.as_object().into_iter().flat_map(|object| object.values()));
        waiting.extend(value.as_array().into_iter().flatten());
    }
    assert!(references > 100, "{references}");
}
