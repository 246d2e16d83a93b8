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
            assert!(path == "/v1/openapi.json" || answers.iter().any(|status| *status == "4XX"), "{path}: {answers:?}");
        }
    }
}
