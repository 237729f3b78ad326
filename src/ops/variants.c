/* SPDX-License-Identifier: Apache-2.0
 *
 * The choice between variants; see the header. */
#include "ops/variants.h"
#include "ops/trial_data.h"
#include <string.h>

clxi_tile_limits clxi_context_tile_limits(const clx_context *context)
{
    const clxi_caps *caps = &context->caps;
    clxi_tile_limits limits = {.is_cpu = caps->is_cpu,
                               .max_work_group = caps->max_work_group,
                               .local_bytes = caps->local_bytes,
                               .float_width = caps->native_float_width,
                               .registers = caps->registers,
                               .nv_sm = caps->nv_sm,
                               .subgroup = caps->subgroup,
                               .xmx = caps->xmx,
                               .amd_gfx = caps->amd_gfx};
    for (int f = 0; f < CLXI_FAMILY_COUNT; f++)
        if (clxi_context_names(context, clxi_family_name((clxi_family)f))) limits.named |= 1u << f;
    return limits;
}

/* The anchor is one of the library's own. */
static bool is_anchor(const clxi_variants *variants, size_t index)
{
    return index >= variants->tuned && variants->family(variants->user, index) == CLXI_FAMILY_SIMT;
}

/* The anchor of the same problem, whatever the `variants` option says: the first simt candidate that builds. */
static clx_status build_anchor(const clxi_variants *variants, void **out, clx_error *error)
{
    clx_status status = clxi_fail(error, CLX_ERR_UNSUPPORTED, "no simt variant to compare with");
    for (size_t i = 0; i < variants->count && status != CLX_OK; i++)
        if (is_anchor(variants, i)) status = variants->build(variants->user, i, true, out, error);
    return status;
}

static clx_status run_trial(clx_context *context, const clxi_variants *variants, void *op, clxi_verdict *verdict,
                            clx_error *error)
{
    clx_status status = CLX_OK;
    clxi_trial trial = {0};
    clx_tensor ours, theirs;
    void *anchor = NULL;
    CLXI_TRY(build_anchor(variants, &anchor, error));
    CLXI_TRY(clxi_trial_begin(&trial, context, error));
    CLXI_TRY(variants->run(op, &trial, &ours, error));
    CLXI_TRY(variants->run(anchor, &trial, &theirs, error));
    CLXI_TRY(clxi_trial_compare(&trial, variants->precision, &ours, &theirs, verdict, error));
fail:
    clxi_trial_end(&trial);
    variants->destroy(anchor);
    return status;
}

/* The remembered verdict, or a trial. */
static clx_status trust(clx_context *context, const clxi_variants *variants, void *op, clx_error *error)
{
    clxi_hash key;
    clxi_verdict verdict = CLXI_VERDICT_UNKNOWN;
    clx_status status = variants->fingerprint(op, &key, error);
    if (status != CLX_OK) return status;
    switch (clxi_verdict_get(context, key)) {
    case CLXI_VERDICT_GOOD:
        return CLX_OK;
    case CLXI_VERDICT_BAD:
        return clxi_fail(error, CLX_ERR_UNSUPPORTED, "it failed its trial on this device before");
    case CLXI_VERDICT_UNKNOWN:
        break;
    }
    status = run_trial(context, variants, op, &verdict, error);
    /* what kept the trial from its end, such as a shortage, says nothing about the variant: it is tried again next time */
    if (verdict != CLXI_VERDICT_UNKNOWN) clxi_verdict_set(context, key, verdict);
    return status;
}

/* One candidate, built and, unless it is the anchor itself, tried. */
static clx_status try_variant(clx_context *context, const clxi_variants *variants, size_t index, void **op,
                              clx_error *error)
{
    clx_status status = variants->build(variants->user, index, false, op, error);
    if (status != CLX_OK) return status;
    if (!is_anchor(variants, index)) status = trust(context, variants, *op, error);
    if (status != CLX_OK) {
        variants->destroy(*op);
        *op = NULL;
    }
    return status;
}

/* In a listing context: builds the candidates one after another, and keeps the last. */
static clx_status list_variants(const clx_context *context, const clxi_variants *variants, void **op, clx_error *error)
{
    clx_status status = CLX_OK;
    const size_t count = context->listing->best_only && variants->count > 1 ? 1 : variants->count;
    *op = NULL;
    for (size_t i = 0; i < count && status == CLX_OK; i++) {
        const char *family = clxi_family_name(variants->family(variants->user, i));
        if (context->listing->only != NULL && strcmp(context->listing->only, family) != 0) continue;
        variants->destroy(*op);
        *op = NULL;
        status = variants->build(variants->user, i, false, op, error);
    }
    return status;
}

clx_status clxi_variants_choose(clx_context *context, const clxi_variants *variants, void **op, clx_error *error)
{
    clx_status status = CLX_OK;
    if (context->listing) return list_variants(context, variants, op, error);
    clx_error last = CLX_ERROR_INIT;
    for (size_t i = 0; i < variants->count; i++) {
        const char *family = clxi_family_name(variants->family(variants->user, i));
        if (!clxi_context_allows(context, family)) continue;
        clx_error_clear(&last);
        status = try_variant(context, variants, i, op, &last);
        if (status == CLX_OK) return CLX_OK;
        clxi_log_line(&context->log, CLXI_LOG_WARNING, "%s: a %s%s variant was dropped: %s", variants->name,
                      i < variants->tuned ? "tuned " : "", family, last.message);
        if (status == CLX_ERR_HOST_MEMORY) break;
    }
    if (last.status == CLX_OK)
        return clxi_fail(error, CLX_ERR_UNSUPPORTED, "%s: no allowed kernel variant fits the device (of %zu)",
                         variants->name, variants->count);
    if (error)
        *error = last;
    else
        clx_error_clear(&last);
    return status;
}
