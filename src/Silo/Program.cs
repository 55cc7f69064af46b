using GrainDb.Silo.CommandLine;
using GrainDb.Silo.Configuration;
using GrainDb.Silo.Hosting;

try
{
    switch (CommandLineParser.Parse(args))
    {
        case Invocation.ShowHelp:
            Console.Out.WriteLine(Usage.Text);
            return ExitCode.Success;
        case Invocation.ShowVersion:
            Console.Out.WriteLine(Usage.Version);
            return ExitCode.Success;
        case Invocation.InspectWal(var directory):
            return WalTool.Inspect(directory, Console.Out);
        case Invocation.VerifyWal(var directory):
            return WalTool.Verify(directory, Console.Out);
        case Invocation.Serve serve:
            var configuration = ConfigurationSources.Load(serve);
            var options = ServerOptionsReader.Read(configuration, serve.Settings);
            SocketThreads.Choose();
            using (var shutdown = new ShutdownSignal())
            await using (var server = new Server(options, configuration, Console.Out, Console.Error))
                return await server.RunAsync(shutdown);
        default:
            throw new InvalidOperationException("no such invocation");
    }
}
catch (Exception exception) when (StartFailure.Explain(exception) is { } reason)
{
    Console.Error.WriteLine($"graindb: {reason}");
    return ExitCode.Refused;
}
catch (Exception exception)
{
    Console.Error.WriteLine($"graindb: failed: {exception}");
    return ExitCode.Failed;
}
