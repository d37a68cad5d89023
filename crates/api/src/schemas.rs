//! No name of a schema in the OpenAPI document is of two types. The router keeps one of each name, whichever comes last,
//! without a word: so tests make every route by a macro of the same name, which notes what the route speaks of.

use std::cell::RefCell;
use std::collections::BTreeMap;

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa_axum::router::UtoipaMethodRouter;

use crate::App;

thread_local! {
    static NOTED: RefCell<Vec<(String, RefOr<Schema>)>> = const { RefCell::new(Vec::new()) };
}

macro_rules! routes {
    ($($handlers:tt)*) => { $crate::schemas::noted(utoipa_axum::routes!($($handlers)*)) };
}

pub(crate) fn noted(routes: UtoipaMethodRouter<App>) -> UtoipaMethodRouter<App> {
    NOTED.with_borrow_mut(|noted| noted.extend_from_slice(&routes.0));
    routes
}

#[test]
fn no_name_is_of_two_types() {
    crate::openapi();
    let noted = NOTED.take();
    assert!(noted.len() > 300, "{} schemas were noted", noted.len());
    let mut known = BTreeMap::new();
    for (name, schema) in noted {
        let schema = serde_json::to_value(schema).unwrap();
        let before = known.entry(name.clone()).or_insert_with(|| schema.clone());
        assert_eq!(*before, schema, "two types are called {name}: give one of them another name");
    }
}
