// The place of i in its patch, and of the patch among all; the images are twice as high and wide as the grid.
let height = info[0].y;
let width = info[0].z;
let channels = info[0].w;
let side = info[1].x;
let channel = i % channels;
let place = i / channels;
let index = place / (side * side);
// One more than the pixel's place: patches begin outside of the image.
let x = 2u * (index % width) + place % side;
let y = 2u * (index / width % height) + place / side % side;
let image = index / (width * height);
var value = 0.0;
if (x >= 1u && x <= 2u * width && y >= 1u && y <= 2u * height) {
    value = images[((image * 2u * height + y - 1u) * 2u * width + x - 1u) * channels + channel];
}
patches[i] = value;
