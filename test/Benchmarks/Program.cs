using BenchmarkDotNet.Running;
using GrainDb.Benchmarks.Mvcc;

// dotnet run -c Release --project test/Benchmarks -- mvcc-figures
if (args is ["mvcc-figures"])
{
    MvccFigures.Run(1_000_000, Console.Out);
    return 0;
}

// dotnet run -c Release --project test/Benchmarks -- --filter '*Ring*'
return BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args).Any() ? 0 : 1;
