using System.Diagnostics;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Replicas;
using Xunit;

namespace GrainDb.Engine.Tests.Wal;

/// <summary>The real file system: real files, real error numbers, and errors injected into the system calls themselves.</summary>
public sealed class NativeFileSystemTests : IDisposable
{
    private const string InjectionVariable = "GRAINDB_TEST_INJECTED";

    private readonly NativeFileSystem _files = new();
    private readonly string _directory = Path.Combine(Path.GetTempPath(), "graindb-" + Guid.NewGuid().ToString("N"));

    public void Dispose()
    {
        if (Directory.Exists(_directory)) Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public void A_log_on_real_files_survives_reopening_truncation_and_checkpoints()
    {
        var path = Path.Combine(_directory, "node1", "ranges", "7");
        List<Entry> expected = [];
        using (var log = Open(path))
        {
            for (var i = 0; i < 60; i++) expected.AddRange(log.Append(5));
            log.WriteCheckpoint(100, "state");
            log.WriteCheckpoint(200, "state", new string('x', 1 << 20));
            Assert.True(log.TruncatePrefix(new Lsn(201)) > 0);
            log.TruncateSuffix(new Lsn(291));
            HardStateFile.Open(_files, path, TestLog.Range, TestLog.Incarnation).Write(new(new Epoch(9), "node1", Guid.Empty, 1, new byte[] { 1 }));
        }

        using var again = Open(path);
        Assert.True(again.Recovery.ClosedCleanly || again.LastLsn.Value == 290);
        Assert.Equal(expected.Where(e => e.Lsn >= again.FirstLsn.Value && e.Lsn <= 290), again.ReadAll());
        using var reader = again.OpenNewestCheckpoint()!;
        Assert.Equal((200ul, 2L), (reader.Lsn.Value, reader.BlockCount));
        Assert.Equal(9ul, HardStateFile.Open(_files, path, TestLog.Range, TestLog.Incarnation).Read()!.PromisedEpoch.Value);
        Assert.Equal(0, WalInspector.Verify(_files, Path.Combine(_directory, "node1"), TextWriter.Null));
    }

    [Fact]
    public void Files_do_what_the_interface_says()
    {
        DurableDirectory.Create(_files, _directory);
        var path = Path.Combine(_directory, "a");
        using (var file = _files.Create(path))
        {
            file.Preallocate(10_000);
            Assert.Equal(10_000, file.Length);
            file.Write(5, "hello"u8);
            file.SyncData();
            file.Sync();
            var bytes = new byte[20];
            Assert.Equal(20, file.Read(0, bytes));
            Assert.Equal(new byte[10].AsSpan(5).ToArray(), bytes.AsSpan(0, 5).ToArray());
            Assert.Equal("hello"u8.ToArray(), bytes.AsSpan(5, 5).ToArray());
            Assert.Equal(3, file.Read(9_997, bytes));
            file.SetLength(7);
            Assert.Equal(7, file.Length);
        }

        using (var replaced = _files.Create(Path.Combine(_directory, "b"))) replaced.Write(0, "old"u8);
        using var open = _files.OpenRead(Path.Combine(_directory, "b"));
        _files.Rename(path, Path.Combine(_directory, "b"));
        _files.SyncDirectory(_directory);
        Assert.Equal(3, open.Length); // a reader keeps what it opened
        Assert.Equal(["b"], _files.ListFiles(_directory));
        _files.CreateDirectory(Path.Combine(_directory, "d"));
        Assert.Equal(["d"], _files.ListDirectories(_directory));
        _files.DeleteDirectory(Path.Combine(_directory, "d"));
        _files.Delete(Path.Combine(_directory, "b"));
        _files.Delete(Path.Combine(_directory, "b"));
        Assert.False(_files.FileExists(Path.Combine(_directory, "b")));
        Assert.Throws<FileNotFoundException>(() => _files.Open(path));
        Assert.True(_files.FreeBytes(_directory) > 0);
    }

    [Fact]
    public void Failed_calls_are_reported_with_their_error_number()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "uses Linux devices");
        const int invalidArgument = 22, notFound = 2;

        // A character device has nothing to sync: the kernel says EINVAL, which the framework's own flush swallows.
        using var device = _files.Open("/dev/zero");
        Assert.Equal(("fdatasync", invalidArgument), Error(device.SyncData));
        Assert.Equal(("fsync", invalidArgument), Error(device.Sync));
        Assert.Equal(("open", notFound), Error(() => _files.SyncDirectory("/does/not/exist")));
        Assert.Equal(("rename", notFound), Error(() => _files.Rename("/does/not/exist", "/does/not/exist-either")));
        using var full = _files.Open("/dev/full");
        Assert.Throws<DiskFullException>(() => full.Write(0, "x"u8));

        static (string, int) Error(Action action)
        {
            var exception = Assert.Throws<WalIOException>(action);
            return (exception.Operation, exception.Errno);
        }
    }

    [Fact]
    public void An_allocation_beyond_the_disk_is_refused_and_leaves_nothing()
    {
        DurableDirectory.Create(_files, _directory);
        using var file = _files.Create(Path.Combine(_directory, "a"));
        file.Preallocate(4096);
        var tooMuch = _files.FreeBytes(_directory) + (1L << 40);

        var exception = Assert.ThrowsAny<IOException>(() => file.Preallocate(tooMuch));

        Assert.True(exception is DiskFullException or WalIOException { Errno: 27 }, $"{exception}"); // ENOSPC, or EFBIG above the largest file
        Assert.Equal(4096, file.Length);
    }

    [Fact]
    public void A_second_user_of_a_data_directory_gets_a_clear_error()
    {
        using (DirectoryLock.Acquire(_files, _directory))
        {
            var refused = Assert.Throws<DirectoryLockedException>(() => DirectoryLock.Acquire(_files, _directory));
            Assert.Contains(_directory, refused.Message, StringComparison.Ordinal);
        }

        DirectoryLock.Acquire(_files, _directory).Dispose();
    }

    [Fact]
    public void Another_process_that_holds_the_directory_is_noticed_and_its_end_too()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/flock"), "needs flock(1)");
        DurableDirectory.Create(_files, _directory);

        // Says "held" when it has the lock, and keeps it until its input ends.
        using var holder = Process.Start(new ProcessStartInfo("/usr/bin/flock", [Path.Combine(_directory, "LOCK"), "-c", "echo held; read line"])
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        Assert.Equal("held", holder.StandardOutput.ReadLine());
        Assert.Throws<DirectoryLockedException>(() => DirectoryLock.Acquire(_files, _directory));

        holder.StandardInput.Close();
        holder.WaitForExit();
        DirectoryLock.Acquire(_files, _directory).Dispose();
    }

    /// <summary>
    /// EIO injected into the system calls by strace: the case in which .NET's own flush returns normally. The injected run is
    /// this test program again, with <see cref="Injected_run"/> alone.
    /// </summary>
    [Theory]
    [InlineData("fdatasync")]
    [InlineData("pwrite64")]
    public async Task An_error_injected_into_a_system_call_breaks_the_log(string call)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists("/usr/bin/strace"), "needs strace");
        var start = new ProcessStartInfo("/usr/bin/strace",
        [
            "-f", "-qq", "-o", "/dev/null", "-P", Path.Combine(_directory, "wal-00000000000000000001.log"), "-e", $"inject={call}:error=EIO:when=2+",
            Environment.ProcessPath!, "-method", $"*.{nameof(NativeFileSystemTests)}.{nameof(Injected_run)}",
        ])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
        };
        start.Environment[InjectionVariable] = _directory;
        using var process = Process.Start(start)!;
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.SkipWhen(output.Length == 0 && process.ExitCode != 0, "strace may not trace here");
        Assert.True(process.ExitCode == 0, output);
        Assert.Contains("Skipped: 0", output, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(_directory, "seen")));
    }

    [Fact]
    public void Injected_run()
    {
        var directory = Environment.GetEnvironmentVariable(InjectionVariable);
        Assert.SkipWhen(directory is null, "runs under strace only");
        using var log = Open(directory!);
        var acknowledged = log.Append(3);

        var broken = Assert.Throws<WalBrokenException>(() => log.Append(2));

        Assert.Equal(5, Assert.IsType<WalIOException>(broken.InnerException).Errno);
        Assert.Equal(acknowledged, log.ReadAll());
        Assert.Throws<WalBrokenException>(() => log.Append(2));
        File.WriteAllText(Path.Combine(directory!, "seen"), "");
    }

    private WriteAheadLog Open(string directory) => WriteAheadLog.Open(TestLog.Small, _files, directory, TestLog.Range, TestLog.Incarnation);
}
