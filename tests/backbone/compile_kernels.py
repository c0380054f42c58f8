"""Compile the Triton kernels for a Hopper GPU, on any machine: a program of its own, run by a test.

Triton's interpreter, which runs the kernels where there is no GPU, accepts more than its compiler.
"""

from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource, compile

from pointins_engine.backbone import sparse_conv_triton as kernels
from pointins_engine.backbone.neighbours import TILE

HOPPER = GPUTarget("cuda", 90, 32)
DIVISIBLE = [["tt.divisibility", 16]]


def compile_for_hopper(kernel, pointers, numbers, constants):
    """PTX of a kernel whose pointers and sizes are multiples of 16, as the launcher finds them."""
    names = kernel.arg_names
    signature = {name: "constexpr" for name in names} | pointers | dict.fromkeys(numbers, "i32")
    source = ASTSource(
        fn=kernel,
        signature={name: signature[name] for name in names},
        constexprs={(names.index(name),): value for name, value in constants.items()},
        attrs={(names.index(name),): DIVISIBLE for name in [*pointers, *numbers[:2]]},
    )
    options = {"num_warps": 4, "num_stages": 4}
    return compile(source, target=HOPPER, options=options).asm["ptx"]


def convolution(dtype: str, mirror: bool) -> str:
    return compile_for_hopper(
        kernels._convolve_kernel,
        {
            "feat": f"*{dtype}",
            "kernel": f"*{dtype}",
            "bias": "*fp32",
            "out": f"*{dtype}" if mirror else "*fp32",
            **dict.fromkeys(("row", "gather", "kernel_offset", "num_offsets"), "*i32"),
        },
        ["c_in", "c_out", "num_blocks", "stride_d", "stride_in", "stride_out"],
        {
            "HAS_BIAS": not mirror,
            "MIRROR": mirror,
            "STEPS": 2,
            "TILE": TILE,
            "BLOCK_IN": 32,
            "BLOCK_OUT": 64,
            "PRECISION": "ieee",
        },
    )


def gradient(dtype: str) -> str:
    return compile_for_hopper(
        kernels._gradient_kernel,
        {
            **dict.fromkeys(("grad", "feat"), f"*{dtype}"),
            "shares": "*fp32",
            **dict.fromkeys(("pairs", "num_pairs"), "*i32"),
        },
        ["c_out", "c_in", "n", "num_shares"],
        {"PAIRS": 32, "BLOCK_OUT": 64, "BLOCK_IN": 64, "PRECISION": "ieee"},
    )


if __name__ == "__main__":
    for ptx in (convolution("bf16", False), convolution("bf16", True), gradient("bf16")):
        assert "wgmma.mma_async" in ptx, "16-bit products run on the tensor cores"
        assert "cp.async" in ptx, "loads are pipelined"
    convolution("fp32", False), gradient("fp32")
    print("compiled")
