//! Papers: what people print or open in a spreadsheet. Pure: from values to bytes.

mod csv;
mod lettering;
mod pdf;

pub use csv::{ledger_csv, usage_csv};
pub use pdf::invoice_pdf;
