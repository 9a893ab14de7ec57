/* The MLP of a block: fc2(GELU(fc1(y))) (METHOD.md section 3). */
#include "model/block.h"

s4d_tensor s4d_mlp_fwd(const s4d_pass *p, const s4d_mlp *m, s4d_tensor y, s4d_mlp_acts *acts)
{
    acts->hidden = s4d_dense_fwd(p, m->fc1, y);
    acts->gelu = s4d_pass_like(p, acts->hidden);
    s4d_gelu_fwd(p->be, &(s4d_gelu_fwd_args){.x = acts->hidden, .y = acts->gelu});
    return s4d_dense_fwd(p, m->fc2, acts->gelu);
}

void s4d_mlp_bwd(const s4d_pass *p, const s4d_mlp *m, s4d_tensor y, const s4d_mlp_acts *acts, s4d_tensor dr,
                 s4d_tensor dy)
{
    s4d_tensor dhidden = s4d_pass_like(p, acts->hidden);
    s4d_dense_bwd(p, m->fc2, acts->gelu, dr, dhidden, false);
    s4d_gelu_bwd(p->be, &(s4d_gelu_bwd_args){
                            .x = acts->hidden, .dy = dhidden, .dx = dhidden, .db = s4d_params_g(p->params, m->fc1.b)});
    s4d_dense_bwd(p, (s4d_dense){.w = m->fc1.w, .b = -1}, y, dhidden, dy, false);
}
