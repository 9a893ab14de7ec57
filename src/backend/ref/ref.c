/* The reference device's table. */
#include "backend/ref/ref_private.h"

void REF(fill)(s4d_op_table *table)
{
#define S4D_OP(name) table->name = REF(name);
#include "s4d/backend/ops.def"
#undef S4D_OP
}
