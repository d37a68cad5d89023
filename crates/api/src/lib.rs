//! HTTP: routes, DTOs, authentication, OpenAPI, events.
