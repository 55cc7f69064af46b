using GrainDb.Silo.CommandLine;
using GrainDb.Silo.Hosting;

namespace GrainDb.Silo.Configuration;

/// <summary>Where configuration comes from, later wins: <c>./appsettings.json</c>, <c>--config FILE</c>, environment. The command line wins over all of it.</summary>
public static class ConfigurationSources
{
    /// <exception cref="StartRefusedException">A file is missing or not JSON.</exception>
    public static IConfigurationRoot Load(Invocation.Serve invocation)
    {
        ArgumentNullException.ThrowIfNull(invocation);
        var builder = new ConfigurationBuilder();
        AddFile(builder, "appsettings.json", Path.GetFullPath("appsettings.json"), optional: true);
        if (invocation.ConfigFile is { } file)
        {
            if (!File.Exists(file))
                throw new StartRefusedException($"--config {file}: no such file");
            AddFile(builder, $"--config {file}", Path.GetFullPath(file), optional: false);
        }

        return builder.AddEnvironmentVariables().Build();
    }

    private static void AddFile(ConfigurationBuilder builder, string name, string path, bool optional)
    {
        if (optional && !File.Exists(path))
            return;
        try
        {
            // Each file is loaded once here, so that a mistake in it is said with its name.
            _ = new ConfigurationBuilder().AddJsonFile(path).Build();
            builder.AddJsonFile(path);
        }
        catch (Exception exception) when (exception is InvalidDataException or FormatException or IOException or UnauthorizedAccessException)
        {
            var reason = (exception.InnerException ?? exception).Message.ReplaceLineEndings(" ");
            throw new StartRefusedException($"{name}: cannot be read: {reason}", exception);
        }
    }
}
