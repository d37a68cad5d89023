//! Why here, and why not there: what placement would find now, and what it found when an instance was made. For staff.
//!
//! What was found is kept with the instance and not computed anew when somebody asks: by then nodes have filled and
//! slept, and the answer would be about another house.

use innkeeper_domain::access::{Action, Actor, may};
use innkeeper_domain::ids::{InstanceId, ProjectId, TemplateId};
use innkeeper_domain::instances::{Instance, Kind};
use innkeeper_domain::placement::{Fate, Verdict, Wanted, chosen, survey};
use innkeeper_domain::quotas::Amounts;
use innkeeper_domain::sizes::Size;
use innkeeper_domain::time::Timestamp;
use innkeeper_store::{Tx, instances, nodes, placements, templates};

use crate::error::allow;
use crate::{Engine, Error, WantedSize, restrictions};

/// Verdicts kept with an instance; of a large house, the best and those that came furthest.
const KEPT: usize = 16;

/// What is to be placed, as a question.
#[derive(Clone, Copy, Debug)]
pub struct PlacementQuestion {
    /// The template; none when only kind and size matter.
    pub template_id: Option<TemplateId>,
    /// Container or virtual machine; that of the template when none.
    pub kind: Option<Kind>,
    /// How big.
    pub size: WantedSize,
    /// For whom; what stands against them is told too.
    pub project_id: Option<ProjectId>,
}

/// What placement finds.
#[derive(Clone, Debug)]
pub struct Explained {
    /// Container or virtual machine.
    pub kind: Kind,
    /// How big.
    pub size: Size,
    /// What was found about each node, the best first.
    pub verdicts: Vec<Verdict>,
    /// What keeps the instance from being made whatever the nodes say: a code and a sentence each.
    pub obstacles: Vec<(&'static str, String)>,
}

/// Where an instance is, and why it was placed there.
#[derive(Clone, Debug)]
pub struct Placed {
    /// The instance.
    pub instance: Instance,
    /// When it was placed, and what was found then; none for one that was there before this was kept, or was adopted.
    pub found: Option<(Timestamp, Vec<Verdict>)>,
}

/// Keeps with an instance what was found when it was placed.
pub(crate) async fn keep(
    tx: &mut Tx,
    instance: InstanceId,
    mut verdicts: Vec<Verdict>,
    now: Timestamp,
) -> Result<(), Error> {
    sort(&mut verdicts);
    verdicts.truncate(KEPT);
    Ok(placements::put(tx, instance, &verdicts, now).await?)
}

/// The chosen one first, then candidates by their score, then those that came furthest.
fn sort(verdicts: &mut [Verdict]) {
    verdicts.sort_by(|a, b| {
        let rank = |v: &Verdict| (v.fate, std::cmp::Reverse(v.score), std::cmp::Reverse(v.reason));
        rank(a).cmp(&rank(b)).then_with(|| (&a.node, a.cluster_id).cmp(&(&b.node, b.cluster_id)))
    });
}

impl Engine {
    /// What placement would find if this were asked for now. Nothing is taken.
    pub async fn explain_placement(
        &self,
        actor: &Actor,
        question: PlacementQuestion,
    ) -> Result<Explained, Error> {
        allow(may(actor, Action::SeeHouse), "placement")?;
        let template = match question.template_id {
            Some(id) => Some(
                templates::by_id(self.db(), id)
                    .await?
                    .ok_or_else(|| Error::invalid("template_id", "no such template"))?,
            ),
            None => None,
        };
        let (kind, size) = match (&template, question.kind) {
            (Some(template), Some(kind)) if kind != template.kind => {
                return Err(Error::invalid("kind", format!("the template is for {} guests", template.kind)));
            }
            (Some(template), _) => (template.kind, self.sized(Some(template), question.size).await?.2),
            (None, Some(kind)) => (kind, self.sized(None, question.size).await?.2),
            (None, None) => return Err(Error::invalid("kind", "give `template_id`, or `kind` and a size")),
        };
        let (least, most) =
            template.as_ref().map_or((Size::LEAST, Size::MOST), |template| (template.least, template.most));
        size.check_within(least, most).map_err(|error| Error::invalid("size", error))?;
        let sources = match &template {
            Some(template) => Some(templates::sources(self.db(), template.id).await?),
            None => None,
        };
        let mut obstacles = Vec::new();
        if template.as_ref().is_some_and(|template| !template.offered) {
            obstacles.push(("template_not_offered", "the template is not on offer".to_owned()));
        }
        let mut tx = self.db().begin().await?;
        if let Some(project) = question.project_id {
            match self.fit(&mut tx, project, Amounts::one(size)).await {
                Ok(()) => {}
                Err(Error::Quota(exceeded)) => obstacles.push(("quota_exceeded", exceeded.to_string())),
                Err(other) => return Err(other),
            }
            if let Some(restriction) = restrictions::in_the_way(&mut tx, project).await? {
                obstacles.push((restriction.as_str(), restriction.message().to_owned()));
            }
        }
        let (nodes, storages) = nodes::offers(&mut tx).await?;
        tx.rollback().await?;
        let wanted = Wanted { kind, size, sources: sources.as_deref(), avoid: &[] };
        let mut verdicts = survey(wanted, &nodes, &storages);
        if verdicts.iter().all(|verdict| verdict.fate == Fate::Refused)
            && let Err(nowhere) = chosen(wanted, &nodes, &verdicts)
        {
            obstacles.push(("no_place", nowhere.to_string()));
        }
        sort(&mut verdicts);
        Ok(Explained { kind, size, verdicts, obstacles })
    }

    /// Where an instance is, and why it was placed there.
    pub async fn instance_placement(&self, actor: &Actor, id: InstanceId) -> Result<Placed, Error> {
        // Told to nobody who may not see the instance.
        let instance = instances::by_id(self.db(), id).await?.ok_or(Error::NotFound("instance"))?;
        allow(may(actor, Action::SeeProject(instance.project_id)), "instance")?;
        allow(may(actor, Action::SeeHouse), "placement")?;
        Ok(Placed { instance, found: placements::of(self.db(), id).await? })
    }
}
