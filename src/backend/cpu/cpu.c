/* The cpu device's table: what it runs itself. What stays with ref is integers (moe_plan) or too small to matter
 * (balance_loss, cross_entropy, all_finite, cast). */
#include "backend/cpu/cpu_private.h"

#define CPU_OPS(X)                                                                                 \
    X(pixels) X(mix) X(patchify) X(mae_target) X(linear_fwd) X(linear_bwd) X(qkv_fwd)          \
    X(qkv_bias_bwd) X(add_rows) X(gather_rows) X(scatter_rows) X(token_fill_fwd) X(token_fill_bwd)  \
    X(layer_norm_fwd) X(layer_norm_bwd) X(attention_fwd) X(attention_bwd) X(gelu_fwd) X(gelu_bwd)  \
    X(residual_fwd) X(residual_bwd) X(residual_norm_fwd) X(route_fwd) X(route_bwd) X(grouped_linear_fwd)                \
    X(grouped_linear_bwd) X(moe_dispatch_fwd) X(moe_dispatch_bwd) X(moe_combine_fwd)               \
    X(moe_combine_bwd) X(mean_pool_fwd) X(mean_pool_bwd) X(mae_loss_fwd) X(mae_loss_bwd) X(adamw)  \
    X(square_norm) X(scale) X(lerp) X(zero) X(add) X(random)

#define DECLARE(name) void s4d_cpu_##name(s4d_backend *be, const s4d_##name##_args *args);
CPU_OPS(DECLARE)

#define FILL(name) table->name = s4d_cpu_##name;
void s4d_cpu_fill(s4d_op_table *table)
{
    CPU_OPS(FILL)
}
