// A pixel lies in every patch that begins less than a side before it.
let height = info[0].y;
let width = info[0].z;
let channels = info[0].w;
let side = info[1].x;
let channel = i % channels;
let pixel = i / channels;
let x = pixel % (2u * width) + 1u;
let y = pixel / (2u * width) % (2u * height) + 1u;
let image = pixel / (4u * width * height);
var sum = 0.0;
for (var v = y % 2u; v < min(side, y + 1u); v += 2u) {
    for (var u = x % 2u; u < min(side, x + 1u); u += 2u) {
        let row = (y - v) / 2u;
        let column = (x - u) / 2u;
        if (row < height && column < width) {
            let place = ((image * height + row) * width + column) * side * side + v * side + u;
            sum += patches[place * channels + channel];
        }
    }
}
images[i] = sum;
