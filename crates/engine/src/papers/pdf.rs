//! An invoice on A4. The same invoice gives the same bytes, whenever it is asked for.

use std::collections::BTreeMap;

use innkeeper_domain::ids::RefundId;
use innkeeper_domain::invoices::Invoice;
use innkeeper_domain::money::Micros;
use innkeeper_domain::payments::{Amount, Currency};
use innkeeper_domain::time::Timestamp;
use pdf_writer::{Content, Name, Pdf, Rect, Ref, Str, TextStr};

use super::lettering::{encode, fitted, width};

const PAPER: (f32, f32) = (595.28, 841.89);
const LEFT: f32 = 56.0;
const RIGHT: f32 = PAPER.0 - 56.0;
const TOP: f32 = PAPER.1 - 64.0;
/// Below this a page is full.
const BOTTOM: f32 = 72.0;

const PLAIN: Name<'static> = Name(b"F1");
const BOLD: Name<'static> = Name(b"F2");

/// Where the columns of figures end.
const CREDITS: f32 = RIGHT;
const MONEY: f32 = RIGHT - 110.0;

/// A page that is being filled from the top.
struct Sheet {
    pages: Vec<Content>,
    y: f32,
}

impl Sheet {
    fn new() -> Self {
        Self { pages: vec![Content::new()], y: TOP }
    }

    /// Makes room for so much; on a new page if need be.
    fn room(&mut self, height: f32) {
        if self.y - height < BOTTOM {
            self.pages.push(Content::new());
            self.y = TOP;
        }
    }

    fn page(&mut self) -> &mut Content {
        // There is always one.
        let last = self.pages.len() - 1;
        &mut self.pages[last]
    }

    fn write(&mut self, font: Name<'static>, size: f32, x: f32, text: &[u8]) {
        let y = self.y;
        write_at(self.page(), font, size, (x, y), text);
    }

    fn text(&mut self, font: Name<'static>, size: f32, x: f32, text: &str, room: f32) {
        self.write(font, size, x, &fitted(text, size, room));
    }

    /// Ends at `x`.
    fn figure(&mut self, font: Name<'static>, size: f32, x: f32, text: &str) {
        let text = encode(text);
        self.write(font, size, x - width(&text, size), &text);
    }

    fn rule(&mut self, gray: f32) {
        let y = self.y;
        let page = self.page();
        page.save_state().set_stroke_gray(gray).set_line_width(0.6);
        page.move_to(LEFT, y).line_to(RIGHT, y).stroke().restore_state();
    }

    fn down(&mut self, by: f32) {
        self.y -= by;
    }

    /// A heading with a rule under it, and the names of the columns of figures.
    fn heading(&mut self, title: &str, money: Option<&str>) {
        self.room(70.0);
        self.down(26.0);
        self.text(BOLD, 11.0, LEFT, title, 300.0);
        if let Some(money) = money {
            self.figure(PLAIN, 8.5, MONEY, money);
        }
        self.figure(PLAIN, 8.5, CREDITS, "credits");
        self.down(6.0);
        self.rule(0.35);
        self.down(15.0);
    }

    /// A line of a table.
    fn row(&mut self, font: Name<'static>, what: &str, about: &str, money: &str, credits: &str) {
        self.room(18.0);
        self.text(font, 9.5, LEFT, what, 150.0);
        self.text(PLAIN, 8.0, LEFT + 158.0, about, 175.0);
        self.figure(font, 9.5, MONEY, money);
        self.figure(font, 9.5, CREDITS, credits);
        self.down(16.0);
    }
}

fn write_at(page: &mut Content, font: Name<'static>, size: f32, at: (f32, f32), text: &[u8]) {
    page.begin_text().set_font(font, size).next_line(at.0, at.1).show(Str(text)).end_text();
}

fn day(at: Timestamp) -> String {
    at.to_string().chars().take(10).collect()
}

/// The invoice as a PDF.
pub fn invoice_pdf(invoice: &Invoice) -> Vec<u8> {
    let mut sheet = Sheet::new();
    letterhead(&mut sheet, invoice);
    if !invoice.money.is_empty() {
        sheet.heading("Payments", Some("paid"));
        for line in &invoice.money {
            let what = match (line.amount.minor < 0, line.id.starts_with(RefundId::PREFIX)) {
                (true, _) => "Refund",
                // The provider refused it, and the credits went back.
                (false, true) => "Refund undone",
                (false, false) => "Payment",
            };
            let what = format!("{} {what}, {}", day(line.at), line.provider.name());
            sheet.row(PLAIN, &what, &line.id, &line.amount.to_string(), &line.credits.to_string());
        }
        let mut totals: BTreeMap<Currency, i64> = BTreeMap::new();
        for line in &invoice.money {
            *totals.entry(line.amount.currency).or_default() += line.amount.minor;
        }
        sheet.rule(0.8);
        sheet.down(14.0);
        for (currency, minor) in totals {
            sheet.row(BOLD, "Total paid", "", &Amount::new(minor, currency).to_string(), "");
        }
    }
    if !invoice.others.is_empty() {
        sheet.heading("Other credits", None);
        for line in &invoice.others {
            sheet.row(PLAIN, &line.cause, "", "", &line.credits.to_string());
        }
    }
    if !invoice.usage.is_empty() {
        sheet.heading("Used by instances", None);
        for line in &invoice.usage {
            sheet.row(PLAIN, &line.name, &line.instance_id, "", &line.credits.to_string());
        }
        let total = Micros::sum(invoice.usage.iter().map(|line| line.credits)).unwrap_or(Micros(i64::MAX));
        sheet.rule(0.8);
        sheet.down(14.0);
        sheet.row(BOLD, "Total used", "", "", &total.to_string());
    }
    finish(sheet, invoice)
}

fn letterhead(sheet: &mut Sheet, invoice: &Invoice) {
    sheet.text(BOLD, 22.0, LEFT, "Invoice", 200.0);
    sheet.figure(PLAIN, 10.0, RIGHT, &invoice.number);
    sheet.down(14.0);
    sheet.figure(PLAIN, 9.0, RIGHT, &format!("issued {}", day(invoice.issued_at)));
    sheet.down(12.0);
    sheet.figure(PLAIN, 9.0, RIGHT, &format!("for {} (UTC)", invoice.month));
    sheet.down(10.0);
    sheet.rule(0.0);
    sheet.down(24.0);
    let middle = LEFT + 250.0;
    let top = sheet.y;
    let mut lowest = top;
    for (x, title, party) in [(LEFT, "From", &invoice.seller), (middle, "To", &invoice.buyer)] {
        sheet.y = top;
        sheet.text(PLAIN, 8.0, x, title, 200.0);
        sheet.down(14.0);
        for (n, line) in party.lines.iter().take(10).enumerate() {
            sheet.text(if n == 0 { BOLD } else { PLAIN }, 10.0, x, line, 230.0);
            sheet.down(13.0);
        }
        lowest = lowest.min(sheet.y);
    }
    sheet.y = lowest;
}

/// Writes the pages down, each with its number.
fn finish(sheet: Sheet, invoice: &Invoice) -> Vec<u8> {
    let (catalog, tree, plain, bold, info) =
        (Ref::new(1), Ref::new(2), Ref::new(3), Ref::new(4), Ref::new(5));
    let count = sheet.pages.len() as i32;
    let of_page = |n: i32| (Ref::new(6 + 2 * n), Ref::new(7 + 2 * n));
    let mut pdf = Pdf::new();
    pdf.catalog(catalog).pages(tree);
    pdf.pages(tree).kids((0..count).map(|n| of_page(n).0)).count(count);
    for (id, name) in [(plain, Name(b"Helvetica")), (bold, Name(b"Helvetica-Bold"))] {
        pdf.type1_font(id).base_font(name).encoding_predefined(Name(b"WinAnsiEncoding"));
    }
    pdf.document_info(info)
        .title(TextStr(&format!("Invoice {}", invoice.number)))
        .producer(TextStr("Innkeeper"));
    for (n, mut content) in (0..count).zip(sheet.pages) {
        let (id, body) = of_page(n);
        let foot = encode(&format!("{} · page {} of {count}", invoice.number, n + 1));
        write_at(&mut content, PLAIN, 8.0, (RIGHT - width(&foot, 8.0), 40.0), &foot);
        let mut page = pdf.page(id);
        page.media_box(Rect::new(0.0, 0.0, PAPER.0, PAPER.1)).parent(tree).contents(body);
        page.resources().fonts().pair(PLAIN, plain).pair(BOLD, bold);
        drop(page);
        pdf.stream(body, &content.finish());
    }
    pdf.finish()
}

#[cfg(test)]
mod tests {
    use innkeeper_domain::ids::{InvoiceId, ProjectId};
    use innkeeper_domain::invoices::{MoneyLine, OtherLine, Party, UsageLine};
    use innkeeper_domain::payments::Provider;

    use super::*;

    fn invoice(instances: usize) -> Invoice {
        let party = |lines: &[&str]| Party { lines: lines.iter().map(ToString::to_string).collect() };
        Invoice {
            id: InvoiceId::new(),
            number: "2026-00017".into(),
            project_id: ProjectId::new(),
            month: "2026-11".parse().unwrap(),
            issued_at: Timestamp(1_796_083_200_000_000),
            seller: party(&["L’Auberge des Développeurs (SARL)", "1, rue de l’Hôtel", "75001 Paris"]),
            buyer: party(&["日本 Zoé", "zoe@example.org"]),
            usage: (0..instances)
                .map(|n| UsageLine {
                    instance_id: format!("ins_{n}"),
                    name: format!("web-{n}"),
                    credits: Micros(1_500_000),
                })
                .collect(),
            money: vec![MoneyLine {
                at: Timestamp(1_795_221_883_000_000),
                id: "pay_1".into(),
                provider: Provider::Stripe,
                amount: Amount::new(1250, Currency::Eur),
                credits: Micros(12_500_000),
            }],
            others: vec![OtherLine { cause: "voucher".into(), credits: Micros(5_000_000) }],
        }
    }

    /// Text stands as it is, or, where a letter of it has an accent, in hexadecimal.
    fn contains(pdf: &[u8], text: &[u8]) -> bool {
        let hexadecimal = hex::encode_upper(text);
        [text, hexadecimal.as_bytes()]
            .iter()
            .any(|text| pdf.windows(text.len()).any(|window| window == *text))
    }

    #[test]
    fn an_invoice_says_who_what_and_how_much_and_is_always_the_same() {
        let invoice = invoice(2);
        let pdf = invoice_pdf(&invoice);
        assert!(pdf.starts_with(b"%PDF-1.7") && pdf.trim_ascii_end().ends_with(b"%%EOF"));
        for text in
            [&b"2026-00017"[..], b"12.50 EUR", b"web-1", b"?? Zo\xe9", b"page 1 of 1", b"3.00", b"voucher"]
        {
            assert!(contains(&pdf, text), "{}", String::from_utf8_lossy(text));
        }
        assert_eq!(pdf, invoice_pdf(&invoice));
    }

    #[test]
    fn a_long_invoice_goes_on_on_further_pages() {
        let pdf = invoice_pdf(&invoice(200));
        assert!(contains(&pdf, b"page 5 of 6") || contains(&pdf, b"page 5 of 5"));
        assert!(contains(&pdf, b"web-199"));
    }
}
