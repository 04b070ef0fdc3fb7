/* What the same pages cost when nothing but the work itself is left: one pass per stage, plain C.
 *
 * Layout looks up each char's advance and breaks lines greedily at spaces. Drawing copies each
 * shape's rows, 16 bytes at a time, into a white page. Both leave out what a product needs beside
 * (spans, fallback fonts, checks, other alignments), so their time is a floor, not a rival.
 */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t row_t __attribute__((vector_size(16), aligned(1)));
typedef int8_t mask_t __attribute__((vector_size(16), aligned(1)));

typedef struct {
    int32_t offset; /* first row in the atlas, in rows of 16 bytes */
    int16_t left;   /* from the pen's whole pixel to the bitmap */
    int16_t top;    /* from the baseline up to the bitmap's first row */
    int16_t rows;
    int16_t unused;
} shape_t;

/* Line k is chars starts[k] .. ends[k]; returns the number of lines. */
ptrdiff_t floor_layout(const uint32_t *text, ptrdiff_t length, const double *advance_of,
                       double width, int32_t *starts, int32_t *ends)
{
    ptrdiff_t lines = 0, start = 0, space = -1;
    double pen = 0, after_space = 0;
    for (ptrdiff_t i = 0; i < length; i++) {
        uint32_t code = text[i];
        if (code == '\n') {
            starts[lines] = (int32_t)start, ends[lines++] = (int32_t)i;
            start = i + 1, space = -1, pen = 0;
            continue;
        }
        pen += advance_of[code];
        if (code == ' ') {
            space = i, after_space = pen;
        } else if (pen > width && space >= 0) {
            starts[lines] = (int32_t)start, ends[lines++] = (int32_t)space;
            start = space + 1, space = -1, pen -= after_space;
        } else if (pen > width && i > start) {
            starts[lines] = (int32_t)start, ends[lines++] = (int32_t)i;
            start = i, space = -1, pen = advance_of[code];
        }
    }
    starts[lines] = (int32_t)start, ends[lines++] = (int32_t)length;
    return lines;
}

/* Draws `lines` lines into a page whose rows are `stride` bytes; `shape_of` has 4 per char. */
void floor_draw(const uint32_t *text, const int32_t *starts, const int32_t *ends, ptrdiff_t lines,
                const double *advance_of, const shape_t *shape_of, const uint8_t *atlas,
                uint8_t *page, ptrdiff_t stride, ptrdiff_t height, double x0, double y0,
                double line_height, double scale)
{
    memset(page, 255, (size_t)(stride * height));
    for (ptrdiff_t k = 0; k < lines; k++) {
        uint8_t *baseline = page + (ptrdiff_t)(y0 + (double)k * line_height) * stride;
        double pen = x0;
        for (int32_t i = starts[k]; i < ends[k]; i++) {
            uint32_t code = text[i];
            int32_t quarters = (int32_t)(pen * 4);
            const shape_t *shape = shape_of + code * 4 + (quarters & 3);
            uint8_t *target = baseline - shape->top * stride + (quarters >> 2) + shape->left;
            const uint8_t *source = atlas + (size_t)shape->offset * 16;
            for (int r = 0; r < shape->rows; r++, target += stride, source += 16) {
                row_t ink, old;
                memcpy(&ink, source, 16);
                memcpy(&old, target, 16);
                mask_t darker = (mask_t)(ink < old);
                row_t both = (ink & (row_t)darker) | (old & ~(row_t)darker);
                memcpy(target, &both, 16);
            }
            pen += advance_of[code] * scale;
        }
    }
}
