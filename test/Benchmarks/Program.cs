using BenchmarkDotNet.Running;

// dotnet run -c Release --project test/Benchmarks -- --filter '*Ring*'
return BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args).Any() ? 0 : 1;
