//! Rows of templates, and where each cluster keeps them.

use innkeeper_domain::ids::{ClusterId, TemplateId};
use innkeeper_domain::names::NodeName;
use innkeeper_domain::sizes::Size;
use innkeeper_domain::templates::{Source, Template};
use innkeeper_domain::time::Timestamp;
use uuid::Uuid;

use crate::columns::{Columns, json};
use crate::{Db, Error, Tx};

#[derive(sqlx::FromRow)]
struct TemplateRow {
    id: Uuid,
    name: String,
    kind: String,
    least_cores: i64,
    least_memory_mib: i64,
    least_disk_gib: i64,
    default_cores: i64,
    default_memory_mib: i64,
    default_disk_gib: i64,
    most_cores: i64,
    most_memory_mib: i64,
    most_disk_gib: i64,
    reports_address: bool,
    offered: bool,
    created_at: i64,
}

impl TemplateRow {
    fn read(self) -> Result<Template, Error> {
        let columns = Columns("templates");
        Ok(Template {
            id: TemplateId(self.id),
            name: columns.word("name", &self.name)?,
            kind: columns.word("kind", &self.kind)?,
            least: Size {
                cores: columns.number("least_cores", self.least_cores)?,
                memory_mib: columns.number("least_memory_mib", self.least_memory_mib)?,
                disk_gib: columns.number("least_disk_gib", self.least_disk_gib)?,
            },
            default_size: Size {
                cores: columns.number("default_cores", self.default_cores)?,
                memory_mib: columns.number("default_memory_mib", self.default_memory_mib)?,
                disk_gib: columns.number("default_disk_gib", self.default_disk_gib)?,
            },
            most: Size {
                cores: columns.number("most_cores", self.most_cores)?,
                memory_mib: columns.number("most_memory_mib", self.most_memory_mib)?,
                disk_gib: columns.number("most_disk_gib", self.most_disk_gib)?,
            },
            reports_address: self.reports_address,
            offered: self.offered,
            created_at: Timestamp(self.created_at),
        })
    }
}

#[derive(sqlx::FromRow)]
struct SourceRow {
    template_id: Uuid,
    cluster_id: Uuid,
    node: Option<String>,
    origin: String,
}

impl SourceRow {
    fn read(self) -> Result<Source, Error> {
        let columns = Columns("template_sources");
        Ok(Source {
            template_id: TemplateId(self.template_id),
            cluster_id: ClusterId(self.cluster_id),
            node: columns.word_if("node", self.node.as_deref())?,
            origin: columns.json("origin", &self.origin)?,
        })
    }
}

/// Adds a template.
pub async fn insert(tx: &mut Tx, template: &Template) -> Result<(), Error> {
    let sql = "insert into templates (id, name, kind, least_cores, least_memory_mib, least_disk_gib,
            default_cores, default_memory_mib, default_disk_gib, most_cores, most_memory_mib, most_disk_gib,
            reports_address, offered, created_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
    let Template { least, default_size, most, .. } = template;
    on!(tx, c => sqlx::query(sql)
        .bind(template.id.0).bind(template.name.as_str()).bind(template.kind.as_str())
        .bind(i64::from(least.cores)).bind(i64::from(least.memory_mib)).bind(i64::from(least.disk_gib))
        .bind(i64::from(default_size.cores)).bind(i64::from(default_size.memory_mib))
        .bind(i64::from(default_size.disk_gib))
        .bind(i64::from(most.cores)).bind(i64::from(most.memory_mib)).bind(i64::from(most.disk_gib))
        .bind(template.reports_address).bind(template.offered).bind(template.created_at.0)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// Templates by name; all of them, or only those offered.
pub async fn list(db: &Db, only_offered: bool) -> Result<Vec<Template>, Error> {
    let sql = "select * from templates where offered or not $1 order by name, id";
    let rows: Vec<TemplateRow> = on_db!(db, c => sqlx::query_as(sql).bind(only_offered).fetch_all(c).await)?;
    rows.into_iter().map(TemplateRow::read).collect()
}

/// The template with this id.
pub async fn by_id(db: &Db, id: TemplateId) -> Result<Option<Template>, Error> {
    let sql = "select * from templates where id = $1";
    let row: Option<TemplateRow> = on_db!(db, c => sqlx::query_as(sql).bind(id.0).fetch_optional(c).await)?;
    row.map(TemplateRow::read).transpose()
}

/// Offers the template, or stops offering it; false when there is none.
pub async fn set_offered(tx: &mut Tx, id: TemplateId, offered: bool) -> Result<bool, Error> {
    let sql = "update templates set offered = $2 where id = $1";
    let n =
        on!(tx, c => sqlx::query(sql).bind(id.0).bind(offered).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n > 0)
}

/// Says where a cluster (or one node of it) keeps a template; said again, the newer origin counts.
pub async fn add_source(tx: &mut Tx, source: &Source) -> Result<(), Error> {
    let sql = "insert into template_sources (template_id, cluster_id, node, origin) values ($1, $2, $3, $4)
        on conflict (template_id, cluster_id, coalesce(node, '')) do update set origin = excluded.origin";
    let origin = json(&source.origin)?;
    let node = source.node.as_ref().map(NodeName::as_str);
    on!(tx, c => sqlx::query(sql)
        .bind(source.template_id.0).bind(source.cluster_id.0).bind(node).bind(origin.as_str())
        .execute(c).await.map(drop))?;
    Ok(())
}

/// Where a template is kept.
pub async fn sources(db: &Db, template: TemplateId) -> Result<Vec<Source>, Error> {
    read_sources(db, Some(template)).await
}

/// Where every template is kept.
pub async fn all_sources(db: &Db) -> Result<Vec<Source>, Error> {
    read_sources(db, None).await
}

async fn read_sources(db: &Db, template: Option<TemplateId>) -> Result<Vec<Source>, Error> {
    let sql = "select * from template_sources where $1 is null or template_id = $1
        order by template_id, cluster_id, coalesce(node, '')";
    let rows: Vec<SourceRow> =
        on_db!(db, c => sqlx::query_as(sql).bind(template.map(|id| id.0)).fetch_all(c).await)?;
    rows.into_iter().map(SourceRow::read).collect()
}
