var<workgroup> parts: array<f32, 64>;

// A workgroup per image; each thread sums every 64th pixel.
@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
) {
    let batch = info[0].x;
    let pixels = info[0].y;
    for (var image = group.x; image < batch; image += groups.x) {
        var sum = 0.0;
        for (var pixel = local.x; pixel < pixels; pixel += 64u) {
            let l = logits[image * pixels + pixel];
            sum += max(l, 0.0) - l * x[image * pixels + pixel] + log(1.0 + exp(-abs(l)));
        }
        workgroupBarrier();
        parts[local.x] = sum;
        workgroupBarrier();
        if (local.x == 0u) {
            var total = 0.0;
            for (var part = 0u; part < 64u; part += 1u) {
                total += parts[part];
            }
            costs[image] = total;
        }
    }
}
