var<workgroup> parts: array<f32, 64>;

// One workgroup; each thread sums every 64th number.
@compute @workgroup_size(64)
fn main(@builtin(local_invocation_id) local: vec3<u32>) {
    var sum = 0.0;
    for (var i = local.x; i < info[0].x; i += 64u) {
        sum += values[i];
    }
    parts[local.x] = sum;
    workgroupBarrier();
    if (local.x == 0u) {
        var total = 0.0;
        for (var part = 0u; part < 64u; part += 1u) {
            total += parts[part];
        }
        mean[0] = total / f32(info[0].x);
    }
}
